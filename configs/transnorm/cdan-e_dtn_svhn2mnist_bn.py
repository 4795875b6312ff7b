# CDAN+E with batch norm: DTN, SVHN -> MNIST, 40,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/cdan-e_dtn_svhn2mnist_bn.py
# Expected, from the paper (Table 4): 89.2 % accuracy. Not run here.
_base_ = './cdan-e_dtn_svhn2mnist.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN'), fc_norm_cfg=dict(type='BN1d'))))
