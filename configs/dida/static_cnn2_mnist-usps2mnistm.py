# Static control of dida_cnn2_mnist-usps2mnistm: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_cnn2_mnist-usps2mnistm.py
# Expected of a shorter run: see configs/dida/README.md
_base_ = './dida_cnn2_mnist-usps2mnistm.py'
model = dict(student=dict(backbone=dict(beside={'stages.1': dict(module=dict(type='StaticModule'))})))
