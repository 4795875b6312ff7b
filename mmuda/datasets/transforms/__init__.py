"""Pipeline steps of the data room."""

from .ignore_margins import IgnoreMargins
from .loading import LoadIgnoreLabel, LoadImage, LoadLabel
from .rand_augment import RandAugmentFixMatch
from .random_crop import RandomCrop
from .shifting import Cutout, RandomScaleShift, RandomTranslation
from .ten_crop import TenCrop
from .two_views import TwoViews

__all__ = [
    'Cutout',
    'IgnoreMargins',
    'LoadIgnoreLabel',
    'LoadImage',
    'LoadLabel',
    'RandAugmentFixMatch',
    'RandomCrop',
    'RandomScaleShift',
    'RandomTranslation',
    'TenCrop',
    'TwoViews',
]
