# MDD with batch norm: ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/mdd_resnet50_office31_bn.py
# Expected, from the paper (Table 4, mean of six pairs): 88.8 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './mdd_resnet50_office31.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN')), neck=dict(norm_cfg=dict(type='BN1d'))))
