# ResNet-50 with average pooling, for the 65 classes of Office-Home; everything else as in resnet18.py.
_base_ = './resnet18.py'
model = dict(backbone=dict(depth=50), head=dict(num_classes=65, in_channels=2048))
