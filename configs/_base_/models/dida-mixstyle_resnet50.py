# DIDA-Net with ResNet-50 and MixStyle after the first stage, for single sources.
# ImageNet weights: model.backbone.backbone.init_cfg instead of model.backbone.init_cfg.
_base_ = './dida_resnet50.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmuda.ExtendedBackbone',
        backbone=_base_.model.backbone,
        after=dict(layer1=dict(type='mmuda.MixStyle', p=0.5, alpha=0.1)),
    )
)
