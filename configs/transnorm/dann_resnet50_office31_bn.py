# DANN with batch norm: ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_resnet50_office31_bn.py
# Expected, from the paper (Table 1, mean of six pairs): 82.2 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './dann_resnet50_office31.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN')), neck=dict(norm_cfg=dict(type='BN1d'))))
