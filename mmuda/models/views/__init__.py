"""Views of a training step, and their makers."""

from .base import IGNORE_INDEX, Normalization, View, ViewMaker, counted, joined_rows, weight_of_places
from .block_mask import BlockMask
from .class_mix import ClassMix
from .cut_mix import CutMix
from .fourier_style import FourierStyle
from .strong_view import StrongView
from .student_view import StudentView
from .token_mask import TokenMask

__all__ = [
    'BlockMask',
    'ClassMix',
    'CutMix',
    'FourierStyle',
    'IGNORE_INDEX',
    'Normalization',
    'StrongView',
    'StudentView',
    'TokenMask',
    'View',
    'ViewMaker',
    'counted',
    'joined_rows',
    'weight_of_places',
]
