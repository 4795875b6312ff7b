# WRN-28-2 (Zagoruyko & Komodakis, BMVC 2016) as FixMatch trains it on CIFAR-10: leaky ReLUs, slow batch norm.
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[125.307, 122.961, 113.8575], std=[51.5865, 50.847, 51.255], to_rgb=True
    ),
    backbone=dict(
        type='mmuda.WideResNet',
        depth=28,
        widen_factor=2,
        out_indices=(2,),
        negative_slope=0.1,
        norm_cfg=dict(type='BN', eps=0.001, momentum=0.001),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=128, loss=dict(type='CrossEntropyLoss')),
)
