# The static control of dida_cnn3_digits.py: learned depth-wise kernels instead of generated ones.
_base_ = './dida_cnn3_digits.py'
model = dict(backbone=dict(beside={'stages.2': dict(module=dict(type='StaticModule'))}))
