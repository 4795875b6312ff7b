# Static control of dida_wrn-28-2_cifar10: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_wrn-28-2_cifar10.py
# Expected: not measured here yet.
# MMUDA_PER_CLASS=25 (or 400) is 250 (or 4,000) labels (4 by default, 40 labels); MMUDA_DRAW=1 is another draw.
_base_ = './dida_wrn-28-2_cifar10.py'
model = dict(student=dict(neck=dict(module=dict(type='StaticModule'))))
