# ResNet-18 with a branch beside each stage, of as many DIDA modules as the stage has blocks. A leaf keeps those of one
# column of Table VII and drops the others: res34 is model.backbone.beside=dict(layer1=None, layer2=None).
# The branches are `beside`: paramwise_cfg=dict(custom_keys={'beside.': dict(lr_mult=10.0)}).
# ImageNet weights: model.backbone.backbone.init_cfg instead of model.backbone.init_cfg.
_base_ = './resnet18.py'
branch = dict(type='mmuda.DIDABranch', num_blocks=2, module=dict(type='mmuda.DIDAModule', reduction=16))
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmuda.ExtendedBackbone',
        backbone=_base_.model.backbone,
        beside=dict(
            layer1=dict(branch, in_channels=64, out_channels=64),
            layer2=dict(branch, in_channels=64, out_channels=128, stride=2),
            layer3=dict(branch, in_channels=128, out_channels=256, stride=2),
            layer4=dict(branch, in_channels=256, out_channels=512, stride=2),
        ),
    )
)
del branch
