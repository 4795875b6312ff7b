"""Backbones; those on a host's networks or layers are here only where that host is installed."""

from importlib.util import find_spec

__all__ = []

if find_spec('mmcv'):
    from .inception_bn import InceptionBN
    from .small_cnns import DTN, LeNet, MCDSVHNNet, MCDUSPSNet

    __all__ += ['DTN', 'InceptionBN', 'LeNet', 'MCDSVHNNet', 'MCDUSPSNet']

if find_spec('mmseg'):
    from .mha_mit import MHAMixVisionTransformer
    from .mit import MixVisionTransformer

    __all__ += ['MHAMixVisionTransformer', 'MixVisionTransformer']
