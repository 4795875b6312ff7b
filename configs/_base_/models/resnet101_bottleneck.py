# ResNet-101 with a bottleneck of 256 channels, tapped as `neck`.
_base_ = './resnet50_bottleneck.py'
model = dict(backbone=dict(depth=101))
