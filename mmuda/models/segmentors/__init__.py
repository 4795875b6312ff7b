"""Segmentors that mmseg lacks; they are here only where mmseg is installed."""

from importlib.util import find_spec

__all__ = []

if find_spec('mmseg'):
    from .multi_resolution import MultiResolutionSegmentor, ScaledFeatures

    __all__ += ['MultiResolutionSegmentor', 'ScaledFeatures']
