# DTN, the digit network of CDAN and TransNorm (32x32, colour), batch norm in every layer: 512 features, tapped as
# `backbone`.
norm = 'BN'  # or mmuda.TransNorm, mmuda.AdaBN, mmuda.AutoDIAL
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True),
    backbone=dict(type='mmuda.DTN', in_channels=3, norm_cfg=dict(type=f'{norm}2d'), fc_norm_cfg=dict(type=f'{norm}1d')),
    neck=None,
    head=dict(type='LinearClsHead', num_classes=10, in_channels=512, loss=dict(type='CrossEntropyLoss')),
)
