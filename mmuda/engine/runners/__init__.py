"""Runners and loops."""

from .loops import MeanTeacherValLoop, ResumableTrainLoop
from .mean_teacher import MeanTeacherRunner

__all__ = ['MeanTeacherRunner', 'MeanTeacherValLoop', 'ResumableTrainLoop']
