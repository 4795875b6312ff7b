"""Terms: each turns views of a step into one summand of the loss."""

from importlib.util import find_spec

from .base import AlignmentTerm, Term
from .cdan import CDAN
from .coordination import CoordinationWeight
from .dan import DAN
from .dann import DANN
from .entropy import EntropyLoss
from .feature_distance import FeatureDistance
from .jan import JAN
from .mcd import MCD
from .mdd import MDD
from .output_adversarial import OutputAdversarial
from .pseudo_label import PseudoLabelLoss
from .supervised import SupervisedLoss

__all__ = [
    'CDAN',
    'CoordinationWeight',
    'DAN',
    'DANN',
    'JAN',
    'MCD',
    'MDD',
    'AlignmentTerm',
    'EntropyLoss',
    'FeatureDistance',
    'OutputAdversarial',
    'PseudoLabelLoss',
    'SupervisedLoss',
    'Term',
]

if find_spec('mmcv'):
    from .acda import ACDA
    from .acda_segmentation import SegmentationACDA

    __all__ += ['ACDA', 'SegmentationACDA']
