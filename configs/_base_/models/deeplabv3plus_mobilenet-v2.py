# DeepLabV3+ with MobileNetV2, output stride 16 and 128 channels: for small images and for CPUs.
#
# ImageNet weights: convert torchvision's mobilenet_v2 by tools/model_converters/torchvision2mmseg.py:
#     model.backbone.init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmseg.pth')
# Mean and standard deviation below are torchvision's; weights that expect x / 127.5 - 1 need
#     model.data_preprocessor.mean=[127.5] * 3 and model.data_preprocessor.std=[127.5] * 3
# Batch norm is per process; a leaf for several GPUs synchronises it by one line: sync_bn = 'torch'
model = dict(
    _scope_='mmseg',
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    pretrained=None,
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(1, 2, 4, 6),
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=3,
        channels=128,
        dilations=(1, 6, 12, 18),
        c1_in_channels=24,
        c1_channels=48,
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
