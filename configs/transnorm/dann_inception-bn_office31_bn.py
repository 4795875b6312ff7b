# DANN with batch norm: Inception-BN, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_inception-bn_office31_bn.py
# Expected, from the paper (Table 4, mean of six pairs): 82.1 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './dann_inception-bn_office31.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN')), neck=dict(norm_cfg=dict(type='BN1d'))))
