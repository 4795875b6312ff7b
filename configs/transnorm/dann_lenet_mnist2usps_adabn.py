# DANN with AdaBN: LeNet, MNIST -> USPS, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/dann_lenet_mnist2usps_adabn.py
# Expected of a shorter run: see configs/transnorm/README.md
_base_ = './dann_lenet_mnist2usps.py'
norms = dict(type='mmuda.AdaBN2d'), dict(type='mmuda.AdaBN1d')
model = dict(student=dict(backbone=dict(norm_cfg=norms[0], fc_norm_cfg=norms[1])))
custom_hooks = [dict(type='mmuda.AdaBNHook', interval=1000)]  # statistics from a pass over target images
