"""UDA models: a stock network, wrapped."""

from .base import UDAModel
from .mcd import MCDUDA
from .self_training import SelfTrainingUDA
from .taps import Taps
from .teacher import make_teacher

__all__ = ['MCDUDA', 'SelfTrainingUDA', 'Taps', 'UDAModel', 'make_teacher']
