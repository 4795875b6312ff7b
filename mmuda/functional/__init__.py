"""Pure tensor functions: one equation, one home."""

from .augment import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
    gaussian_blur,
)
from .coordination import coordination_ramp, pixel_agreement
from .ema import ema_momentum, ema_update_
from .feature_distance import class_mask, masked_feature_distance

__all__ = [
    'adjust_brightness',
    'adjust_contrast',
    'adjust_hue',
    'adjust_saturation',
    'class_mask',
    'color_jitter',
    'coordination_ramp',
    'ema_momentum',
    'ema_update_',
    'gaussian_blur',
    'masked_feature_distance',
    'pixel_agreement',
]
