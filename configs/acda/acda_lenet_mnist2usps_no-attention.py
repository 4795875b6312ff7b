# ACDA without attention: every pair of layers weighs 1/m: LeNet, MNIST -> USPS.
#     python tools/train.py configs/acda/acda_lenet_mnist2usps_no-attention.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_mnist2usps.py'
model = dict(terms=dict(acda=dict(attention=False)))
