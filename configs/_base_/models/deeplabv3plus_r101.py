# DeepLabV3+ with ResNet-101 (weights: mmseg's resnet101_v1c); the rest as in deeplabv3plus_r50.py.
_base_ = './deeplabv3plus_r50.py'

model = dict(backbone=dict(depth=101))
