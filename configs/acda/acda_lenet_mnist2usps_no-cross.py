# ACDA without cross-layer alignment: LeNet, MNIST -> USPS.
#     python tools/train.py configs/acda/acda_lenet_mnist2usps_no-cross.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_mnist2usps.py'
model = dict(terms=dict(acda=dict(delta=0.0)))
