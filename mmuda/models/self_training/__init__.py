"""Self-training: pseudo-labels, their weight, the student's view."""

from .coordination import CoordinationWeight
from .fixmatch import FixMatchLabeler, SureLabel
from .pseudo_labeler import PseudoLabel, PseudoLabeler
from .student_view import StudentView

__all__ = ['CoordinationWeight', 'FixMatchLabeler', 'PseudoLabel', 'PseudoLabeler', 'StudentView', 'SureLabel']
