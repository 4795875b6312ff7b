# DIDA-Net with ResNet-50, for Office-Home: three DIDA modules of 512 channels, each widened to 2048 as the blocks are.
_base_ = './dida_resnet18.py'
model = dict(
    backbone=dict(depth=50),
    neck=dict(in_channels=1024, out_channels=2048, num_blocks=3, mid_channels=512),
    head=dict(num_classes=65, in_channels=2048),
)
