"""Alignment terms: each an `nn.Module` that turns explicit source and target tensors into losses."""

from .base import AlignmentTerm, DomainView
from .cdan import CDAN
from .dan import DAN
from .dann import DANN
from .feature_distance import FeatureDistance
from .jan import JAN
from .mcd import MCD
from .mdd import MDD

__all__ = ['CDAN', 'DAN', 'DANN', 'JAN', 'MCD', 'MDD', 'AlignmentTerm', 'DomainView', 'FeatureDistance']
