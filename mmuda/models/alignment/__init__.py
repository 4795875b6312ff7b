"""Alignment terms by their former room; they stand in :mod:`mmuda.models.terms` now, beside terms of other kinds.

``ADVENT`` is :class:`mmuda.OutputAdversarial`, whose defaults are that method's.
"""

from .. import terms
from ..terms import CDAN, DAN, DANN, JAN, MCD, MDD, AlignmentTerm, FeatureDistance
from ..terms import OutputAdversarial as ADVENT
from ..views import View as DomainView

__all__ = ['ADVENT', 'CDAN', 'DAN', 'DANN', 'JAN', 'MCD', 'MDD', 'AlignmentTerm', 'DomainView', 'FeatureDistance']

if 'ACDA' in terms.__all__:
    from ..terms import ACDA, SegmentationACDA

    __all__ += ['ACDA', 'SegmentationACDA']
