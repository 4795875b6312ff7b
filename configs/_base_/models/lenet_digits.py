# LeNet of CDAN's digit experiments (28x28, grey) with batch norm in every layer: 500 features, tapped as `backbone`.
# The released network has no norm: model.backbone.norm_cfg=None model.backbone.fc_norm_cfg=None
norm = 'BN'  # or mmuda.TransNorm, mmuda.AdaBN, mmuda.AutoDIAL
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(
        type='mmuda.LeNet', in_channels=1, norm_cfg=dict(type=f'{norm}2d'), fc_norm_cfg=dict(type=f'{norm}1d')
    ),
    neck=None,
    head=dict(type='LinearClsHead', num_classes=10, in_channels=500, loss=dict(type='CrossEntropyLoss')),
)
