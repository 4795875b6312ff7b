"""Parts of self-training by their former room; they stand in ``labellers``, ``terms`` and ``views`` now."""

from ..labellers import OwnLabels as FixMatchLabeler
from ..labellers import TeacherLabels as PseudoLabeler
from ..terms import CoordinationWeight
from ..views import StudentView

__all__ = ['CoordinationWeight', 'FixMatchLabeler', 'PseudoLabeler', 'StudentView']
