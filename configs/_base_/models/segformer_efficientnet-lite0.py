# EfficientNet-Lite0 (Tan, 2020) of timm under SegFormer's all-MLP head: for CPUs; its activations are ReLU6.
# Any other backbone of timm that gives feature maps takes the same lines: its name and the channels of its maps.
#
# timm is an extra: pip install 'mmuda[timm]' (where PyTorch is to stay as it is: pip install --no-deps timm)
# ImageNet weights from a file in timm's names:
#     model.backbone.pretrained=True model.backbone.pretrained_cfg_overlay.file=PATH
# Batch norm is per process; a leaf for several GPUs synchronises it by one line: sync_bn = 'torch'
model = dict(
    _scope_='mmseg',
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.0] * 3,
        std=[128.0] * 3,
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    pretrained=None,
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        out_indices=(1, 2, 3, 4),
        pretrained=False,
    ),
    decode_head=dict(
        type='mmuda.SegformerHead',
        in_channels=[24, 40, 112, 320],
        in_index=[0, 1, 2, 3],
        channels=128,
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
