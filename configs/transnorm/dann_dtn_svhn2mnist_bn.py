# DANN with batch norm: DTN, SVHN -> MNIST, 40,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/dann_dtn_svhn2mnist_bn.py
# Expected, from the paper (Table 4): 73.9 % accuracy. Not run here.
_base_ = './dann_dtn_svhn2mnist.py'
model = dict(student=dict(backbone=dict(norm_cfg=dict(type='BN'), fc_norm_cfg=dict(type='BN1d'))))
