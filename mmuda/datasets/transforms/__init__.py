"""Pipeline steps of the data room."""

from .loading import LoadIgnoreLabel, LoadImage, LoadLabel
from .rand_augment import RandAugmentFixMatch
from .shifting import Cutout, RandomScaleShift, RandomTranslation
from .ten_crop import TenCrop
from .two_views import TwoViews

__all__ = [
    'Cutout',
    'LoadIgnoreLabel',
    'LoadImage',
    'LoadLabel',
    'RandAugmentFixMatch',
    'RandomScaleShift',
    'RandomTranslation',
    'TenCrop',
    'TwoViews',
]
