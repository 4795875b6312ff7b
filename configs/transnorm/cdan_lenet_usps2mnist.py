# CDAN + TransNorm: LeNet, USPS -> MNIST, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/cdan_lenet_usps2mnist.py
# Expected of a shorter run: see configs/transnorm/README.md
_base_ = '../cdan/cdan_lenet_usps2mnist.py'  # the twin with batch norm
norms = dict(type='mmuda.TransNorm2d'), dict(type='mmuda.TransNorm1d')
model = dict(student=dict(backbone=dict(norm_cfg=norms[0], fc_norm_cfg=norms[1])))
