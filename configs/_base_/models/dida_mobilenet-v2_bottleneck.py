# DIDA-Net with MobileNetV2: one DIDA module beside the last stage, a 1x1 convolution from 320 to 1280 channels, and the
# bottleneck behind their sum.
_base_ = './mobilenet-v2_bottleneck.py'
module = 'mmuda.DIDAModule'  # mmuda.StaticModule: the static control, learned kernels instead of generated ones
model = dict(
    backbone=dict(out_indices=(6, 7)),
    neck=[
        dict(
            type='mmuda.DIDANeck',
            in_channels=320,
            out_channels=1280,
            num_blocks=1,
            stride=1,
            module=dict(type=module, reduction=16),
            norm_cfg=dict(type='BN'),
        ),
        _base_.model.neck,
    ],
)
