# The static control of dida_cnn2_digits.py: learned depth-wise kernels instead of generated ones.
_base_ = './dida_cnn2_digits.py'
model = dict(backbone=dict(beside={'stages.1': dict(module=dict(type='StaticModule'))}))
