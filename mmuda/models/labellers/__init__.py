"""Labellers: who says what the target shows."""

from .base import Labeller
from .cluster_labels import ClusterLabels
from .own_labels import OwnLabels
from .stored_labels import StoredLabels
from .teacher_labels import TeacherLabels

__all__ = ['ClusterLabels', 'Labeller', 'OwnLabels', 'StoredLabels', 'TeacherLabels']
