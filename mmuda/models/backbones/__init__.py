"""Backbones; those on a host's networks or layers are here only where that host is installed."""

from importlib.util import find_spec

__all__ = []

if find_spec('mmcv'):
    from .extended import extend_backbone
    from .inception_bn import InceptionBN
    from .small_cnns import DTN, LeNet, MCDSVHNNet, MCDUSPSNet
    from .wide_resnet import WideResNet

    __all__ += ['DTN', 'InceptionBN', 'LeNet', 'MCDSVHNNet', 'MCDUSPSNet', 'WideResNet', 'extend_backbone']

if find_spec('mmpretrain'):
    from .on_mmpretrain import build_mha_vision_transformer, build_vision_transformer

    __all__ += ['build_mha_vision_transformer', 'build_vision_transformer']

if find_spec('mmseg'):
    from .mha_mit import MHAMixVisionTransformer
    from .mit import MixVisionTransformer

    __all__ += ['MHAMixVisionTransformer', 'MixVisionTransformer']
