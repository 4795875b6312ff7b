# MobileNetV2 with a bottleneck of 256 channels, tapped as `neck`: for CPUs.
#
# ImageNet weights: convert torchvision's mobilenet_v2 by tools/model_converters/torchvision2mmpretrain.py:
#     model.backbone.init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmpretrain.pth')
# Weights of a quantised network, whose norms were rebuilt, train better behind tools/model_converters/anchor_norms.py.
# Mean and standard deviation below are torchvision's; weights that expect x / 127.5 - 1 need
#     model.data_preprocessor.mean=[127.5] * 3 and model.data_preprocessor.std=[127.5] * 3
norm = 'BN'  # or mmuda.TransNorm, mmuda.AdaBN, mmuda.AutoDIAL
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
    backbone=dict(type='MobileNetV2', widen_factor=1.0, out_indices=(7,), norm_cfg=dict(type=f'{norm}2d')),
    neck=dict(type='mmuda.Bottleneck', in_channels=1280, out_channels=256, norm_cfg=dict(type=f'{norm}1d')),
    head=dict(type='LinearClsHead', num_classes=31, in_channels=256, loss=dict(type='CrossEntropyLoss')),
)
