# DIDA-Net with ResNet-18 (Deng et al., IEEE T-IP 2022): a branch of two DIDA modules beside the last stage.
# The branch is `neck`: ten times the learning rate by paramwise_cfg=dict(custom_keys={'neck.': dict(lr_mult=10.0)}).
# ImageNet weights as in resnet18.py.
_base_ = './resnet18.py'
module = 'mmuda.DIDAModule'  # mmuda.StaticModule: the static control, learned kernels instead of generated ones
model = dict(
    backbone=dict(out_indices=(2, 3)),
    neck=dict(
        _delete_=True,
        type='mmuda.DIDANeck',
        in_channels=256,
        out_channels=512,
        num_blocks=2,
        stride=2,
        module=dict(type=module, reduction=16),
        norm_cfg=dict(type='BN'),
    ),
)
