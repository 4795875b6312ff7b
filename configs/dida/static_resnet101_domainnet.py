# Static control of dida_resnet101_domainnet: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_resnet101_domainnet.py
# Expected: not measured here yet.
# The target: MMUDA_TARGET=sketch (clipart by default).
_base_ = './dida_resnet101_domainnet.py'
model = dict(student=dict(neck=dict(module=dict(type='StaticModule'))))
