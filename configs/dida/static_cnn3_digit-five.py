# Static control of dida_cnn3_digit-five: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_cnn3_digit-five.py
# Expected: not measured here yet.
# The target: MMUDA_TARGET=svhn (mnist_m by default).
_base_ = './dida_cnn3_digit-five.py'
model = dict(student=dict(backbone=dict(beside={'stages.2': dict(module=dict(type='StaticModule'))})))
