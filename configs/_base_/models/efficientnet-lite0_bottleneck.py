# EfficientNet-Lite0 (Tan, 2020) of timm with a bottleneck of 256 channels, tapped as `neck`: for CPUs; its activations
# are ReLU6, so a TransNorm weighs by alpha, not by 1 + alpha (configs/transnorm/README.md).
# Its stages, of 16, 24, 40, 80, 112, 192 and 320 channels, are tapped as `backbone.timm_model.blocks.0` to `.6`.
#
# timm is an extra: pip install 'mmuda[timm]' (where PyTorch is to stay as it is: pip install --no-deps timm)
# ImageNet weights from a file in timm's names:
#     model.backbone.backbone.pretrained=True model.backbone.backbone.pretrained_cfg_overlay.file=PATH
norm = 'BN'  # or mmuda.TransNorm, mmuda.AdaBN, mmuda.AutoDIAL
options = dict(residual='alpha') if norm == 'mmuda.TransNorm' else dict()
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, to_rgb=True),
    backbone=dict(
        type='mmuda.ExtendedBackbone',
        backbone=dict(type='TIMMBackbone', model_name='tf_efficientnet_lite0', pretrained=False),
        norm=None if norm == 'BN' else dict(type=norm.removeprefix('mmuda.'), **options),
    ),
    neck=dict(type='mmuda.Bottleneck', in_channels=1280, out_channels=256, norm_cfg=dict(type=f'{norm}1d', **options)),
    head=dict(type='LinearClsHead', num_classes=31, in_channels=256, loss=dict(type='CrossEntropyLoss')),
)
del options
