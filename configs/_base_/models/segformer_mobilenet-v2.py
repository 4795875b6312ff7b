# MobileNetV2 (output stride 32) under SegFormer's all-MLP head: the cheapest network of the family,
# and on small images it keeps the stride-4 detail that decides thin classes.
#
# ImageNet weights and their mean and standard deviation: see deeplabv3plus_mobilenet-v2.py.
_base_ = './deeplabv3plus_mobilenet-v2.py'

model = dict(
    backbone=dict(strides=(1, 2, 2, 2, 1, 2, 1), dilations=(1, 1, 1, 1, 1, 1, 1)),
    decode_head=dict(
        _delete_=True,
        type='mmuda.SegformerHead',
        in_channels=[24, 32, 96, 320],
        in_index=[0, 1, 2, 3],
        channels=128,
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
)
