# ResNet-50 with a bottleneck of 256 channels, tapped as `neck`: the network of DANN, CDAN and TransNorm on objects.
#
# ImageNet weights: torchvision's file, whose names are mmpretrain's; torchvision:// downloads it:
#     model.backbone.init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')
# Batch norm is per process; a leaf for several GPUs synchronises it by one line: sync_bn = 'torch'
norm = 'BN'  # or mmuda.TransNorm, mmuda.AdaBN, mmuda.AutoDIAL
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
    backbone=dict(
        type='ResNet', depth=50, num_stages=4, out_indices=(3,), style='pytorch', norm_cfg=dict(type=f'{norm}2d')
    ),
    neck=dict(type='mmuda.Bottleneck', in_channels=2048, out_channels=256, norm_cfg=dict(type=f'{norm}1d')),
    head=dict(type='LinearClsHead', num_classes=31, in_channels=256, loss=dict(type='CrossEntropyLoss')),
)
