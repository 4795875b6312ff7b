# Static control of dida_cnn3_svhn2mnist: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_cnn3_svhn2mnist.py
# Expected: not measured here yet.
_base_ = './dida_cnn3_svhn2mnist.py'
model = dict(student=dict(backbone=dict(beside={'stages.2': dict(module=dict(type='StaticModule'))})))
