# DANN with batch norm: ResNet-50, VisDA-2017, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_resnet50_visda_bn.py
# Expected, from the paper (Table 4): 63.7 % accuracy. Not run here.
_base_ = './dann_resnet50_visda.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN')), neck=dict(norm_cfg=dict(type='BN1d'))))
