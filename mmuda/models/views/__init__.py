"""Views of a training step, and their makers."""

from .base import IGNORE_INDEX, Normalization, View, ViewMaker, counted
from .block_mask import BlockMask
from .class_mix import ClassMix
from .fourier_style import FourierStyle
from .strong_view import StrongView
from .student_view import StudentView

__all__ = [
    'BlockMask',
    'ClassMix',
    'FourierStyle',
    'IGNORE_INDEX',
    'Normalization',
    'StrongView',
    'StudentView',
    'View',
    'ViewMaker',
    'counted',
]
