# DANN with batch norm: ResNet-50, ImageCLEF-DA, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_resnet50_imageclef_bn.py
# Expected, from the paper (Table 2, mean of six pairs): 85.0 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=c-p (i-p by default).
_base_ = './dann_resnet50_imageclef.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN')), neck=dict(norm_cfg=dict(type='BN1d'))))
