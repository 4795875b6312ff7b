"""Alignment terms: each an `nn.Module` that turns explicit source and target tensors into losses."""

from importlib.util import find_spec

from .base import AlignmentTerm, DomainView
from .cdan import CDAN
from .dan import DAN
from .dann import DANN
from .feature_distance import FeatureDistance
from .jan import JAN
from .mcd import MCD
from .mdd import MDD

__all__ = ['CDAN', 'DAN', 'DANN', 'JAN', 'MCD', 'MDD', 'AlignmentTerm', 'DomainView', 'FeatureDistance']

if find_spec('mmcv'):
    from .acda import ACDA
    from .acda_segmentation import SegmentationACDA

    __all__ += ['ACDA', 'SegmentationACDA']
