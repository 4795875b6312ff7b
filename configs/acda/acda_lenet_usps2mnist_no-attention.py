# ACDA without attention: every pair of layers weighs 1/m: LeNet, USPS -> MNIST.
#     python tools/train.py configs/acda/acda_lenet_usps2mnist_no-attention.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_usps2mnist.py'
model = dict(terms=dict(acda=dict(attention=False)))
