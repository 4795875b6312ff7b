"""Models. Importing this package registers them all; parts that need a host library are skipped where it is missing."""

from . import (
    alignment,
    backbones,
    data_preprocessors,
    heads,
    labellers,
    layers,
    necks,
    segmentors,
    self_training,
    tasks,
    terms,
    uda,
    views,
)
from .score_sum import ScoreSumTTA

__all__ = [
    'ScoreSumTTA',
    'alignment',
    'backbones',
    'data_preprocessors',
    'heads',
    'labellers',
    'layers',
    'necks',
    'segmentors',
    'self_training',
    'tasks',
    'terms',
    'uda',
    'views',
]
