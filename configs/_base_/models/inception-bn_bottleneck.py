# Inception-BN with a bottleneck of 256 channels, tapped as `neck`: the network of one column of TransNorm's Table 4.
#
# ImageNet weights: convert PyTorch's port of the Caffe model by tools/model_converters/caffe2mmuda.py:
#     model.backbone.init_cfg=dict(type='Pretrained', checkpoint='work_dirs/inception_bn_mmuda.pth')
# These weights expect BGR images from which a mean was subtracted, as below.
norm = 'BN'  # or mmuda.TransNorm, mmuda.AdaBN, mmuda.AutoDIAL
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[104, 117, 128], std=[1, 1, 1], to_rgb=False),
    backbone=dict(type='mmuda.InceptionBN', out_indices=(3,), norm_cfg=dict(type=f'{norm}2d')),
    neck=dict(type='mmuda.Bottleneck', in_channels=1024, out_channels=256, norm_cfg=dict(type=f'{norm}1d')),
    head=dict(type='LinearClsHead', num_classes=31, in_channels=256, loss=dict(type='CrossEntropyLoss')),
)
