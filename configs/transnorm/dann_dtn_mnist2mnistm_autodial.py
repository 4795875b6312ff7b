# DANN with AutoDIAL: DTN, MNIST -> MNIST-M, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/dann_dtn_mnist2mnistm_autodial.py
# Expected of a shorter run: see configs/transnorm/README.md
_base_ = './dann_dtn_mnist2mnistm.py'
norms = dict(type='mmuda.AutoDIAL2d'), dict(type='mmuda.AutoDIAL1d')
model = dict(student=dict(backbone=dict(norm_cfg=norms[0], fc_norm_cfg=norms[1])))
