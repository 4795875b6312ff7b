"""Views of a training step, and their makers."""

from .base import IGNORE_INDEX, Normalization, View, ViewMaker, counted
from .strong_view import StrongView
from .student_view import StudentView

__all__ = ['IGNORE_INDEX', 'Normalization', 'StrongView', 'StudentView', 'View', 'ViewMaker', 'counted']
