# CDAN+E with batch norm: ResNet-50, Office-Home, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/cdan-e_resnet50_officehome_bn.py
# Expected, from the paper (Table 3, mean of twelve pairs): 65.8 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default).
_base_ = './cdan-e_resnet50_officehome.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN')), neck=dict(norm_cfg=dict(type='BN1d'))))
