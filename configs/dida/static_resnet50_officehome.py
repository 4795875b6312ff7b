# Static control of dida_resnet50_officehome: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_resnet50_officehome.py
# Expected: not measured here yet.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default).
_base_ = './dida_resnet50_officehome.py'
model = dict(student=dict(neck=dict(module=dict(type='StaticModule'))))
