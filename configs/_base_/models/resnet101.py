# ResNet-101 with average pooling, for the 345 classes of DomainNet; everything else as in resnet18.py.
_base_ = './resnet18.py'
model = dict(backbone=dict(depth=101), head=dict(num_classes=345, in_channels=2048))
