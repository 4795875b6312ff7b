# Three convolutions and two fully connected layers (32x32, colour): the network of MCD for SVHN -> MNIST and of M3SDA
# for Digit-Five. Dropout after the first fully connected layer; torch's own first weights.
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True),
    backbone=dict(type='mmuda.MCDSVHNNet', in_channels=3, norm_cfg=dict(type='BN'), fc_norm_cfg=dict(type='BN1d')),
    neck=None,
    head=dict(
        type='StackedLinearClsHead',
        num_classes=10,
        in_channels=3072,
        mid_channels=[2048],
        norm_cfg=dict(type='BN1d'),
        loss=dict(type='CrossEntropyLoss'),
    ),
)
