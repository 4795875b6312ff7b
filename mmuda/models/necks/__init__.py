"""Necks: what stands between a backbone and its head."""

from importlib.util import find_spec

__all__ = []

if find_spec('mmcv'):
    from .bottleneck import Bottleneck
    from .dida_neck import DIDANeck

    __all__ += ['Bottleneck', 'DIDANeck']
