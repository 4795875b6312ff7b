"""Views of a training step, and their makers."""

from .base import IGNORE_INDEX, Normalization, View, ViewMaker, counted
from .class_mix import ClassMix
from .strong_view import StrongView
from .student_view import StudentView

__all__ = ['ClassMix', 'IGNORE_INDEX', 'Normalization', 'StrongView', 'StudentView', 'View', 'ViewMaker', 'counted']
