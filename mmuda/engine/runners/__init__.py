"""Runners and loops."""

from .loops import MeanTeacherValLoop, ResumableTrainLoop
from .mean_teacher import MeanTeacherRunner
from .size_groups import SizeGroupedTestLoop, SizeGroupedValLoop

__all__ = [
    'MeanTeacherRunner',
    'MeanTeacherValLoop',
    'ResumableTrainLoop',
    'SizeGroupedTestLoop',
    'SizeGroupedValLoop',
]
