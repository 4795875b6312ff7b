# ACDA without cross-layer alignment: LeNet, USPS -> MNIST.
#     python tools/train.py configs/acda/acda_lenet_usps2mnist_no-cross.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_usps2mnist.py'
model = dict(terms=dict(acda=dict(delta=0.0)))
