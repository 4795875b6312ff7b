"""Necks: what stands between a backbone and its head."""

from importlib.util import find_spec

__all__ = []

if find_spec('mmcv'):
    from .bottleneck import Bottleneck

    __all__ += ['Bottleneck']
