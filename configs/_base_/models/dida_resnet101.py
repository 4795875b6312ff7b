# DIDA-Net with ResNet-101, for the 345 classes of DomainNet; everything else as in dida_resnet50.py.
_base_ = './dida_resnet50.py'
model = dict(backbone=dict(depth=101), head=dict(num_classes=345))
