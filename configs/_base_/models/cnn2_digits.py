# Two convolutions and two fully connected layers (28x28, grey): the network of MCD for MNIST <-> USPS.
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='mmuda.MCDUSPSNet', in_channels=1, norm_cfg=dict(type='BN')),
    neck=None,
    head=dict(
        type='StackedLinearClsHead',
        num_classes=10,
        in_channels=768,
        mid_channels=[100, 100],
        dropout_rate=0.5,
        norm_cfg=dict(type='BN1d'),
        loss=dict(type='CrossEntropyLoss'),
    ),
)
