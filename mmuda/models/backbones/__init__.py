"""Backbones; those on mmseg's networks are here only where mmseg is installed."""

from importlib.util import find_spec

__all__ = []

if find_spec('mmseg'):
    from .mha_mit import MHAMixVisionTransformer
    from .mit import MixVisionTransformer

    __all__ += ['MHAMixVisionTransformer', 'MixVisionTransformer']
