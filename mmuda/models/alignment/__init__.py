"""Alignment terms by their former room; they stand in :mod:`mmuda.models.terms` now, beside terms of other kinds."""

from .. import terms
from ..terms import CDAN, DAN, DANN, JAN, MCD, MDD, AlignmentTerm, FeatureDistance
from ..views import View as DomainView

__all__ = ['CDAN', 'DAN', 'DANN', 'JAN', 'MCD', 'MDD', 'AlignmentTerm', 'DomainView', 'FeatureDistance']

if 'ACDA' in terms.__all__:
    from ..terms import ACDA, SegmentationACDA

    __all__ += ['ACDA', 'SegmentationACDA']
