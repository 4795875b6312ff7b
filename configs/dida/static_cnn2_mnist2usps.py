# Static control of dida_cnn2_mnist2usps: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_cnn2_mnist2usps.py
# Expected: not measured here yet.
_base_ = './dida_cnn2_mnist2usps.py'
model = dict(student=dict(backbone=dict(beside={'stages.1': dict(module=dict(type='StaticModule'))})))
