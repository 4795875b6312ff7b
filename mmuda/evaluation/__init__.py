"""Scores. The segmentation metric needs mmseg and is there only where it is installed."""

from importlib.util import find_spec

from .classification_metric import ClassificationMetric
from .label_free_metric import LabelFreeMetric

__all__ = ['ClassificationMetric', 'LabelFreeMetric']

if find_spec('mmseg'):
    from .segmentation_metric import SegmentationMetric

    __all__ += ['SegmentationMetric']
