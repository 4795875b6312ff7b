# ResNet-18 with average pooling: the plain network of PACS, which the rows of DIDA-Net's tables without a branch train.
#
# ImageNet weights: torchvision's file, whose names are mmpretrain's; torchvision:// downloads it:
#     model.backbone.init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
# Batch norm is per process; a leaf for several GPUs synchronises it by one line: sync_bn = 'torch'
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
    backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(3,), style='pytorch', norm_cfg=dict(type='BN')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=7, in_channels=512, loss=dict(type='CrossEntropyLoss')),
)
