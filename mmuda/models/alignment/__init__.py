"""Alignment terms: each an `nn.Module` that turns explicit source and target tensors into losses."""

from .base import AlignmentTerm, DomainView
from .feature_distance import FeatureDistance

__all__ = ['AlignmentTerm', 'DomainView', 'FeatureDistance']
