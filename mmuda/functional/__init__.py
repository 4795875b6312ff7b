"""Pure tensor functions: one equation, one home."""

from .attention import hybrid_attention, plan_attention
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
from .grouping import class_split, class_split_pyramid, key_groups

__all__ = [
    'adjust_brightness',
    'adjust_contrast',
    'adjust_hue',
    'adjust_saturation',
    'class_mask',
    'class_split',
    'class_split_pyramid',
    'color_jitter',
    'coordination_ramp',
    'ema_momentum',
    'ema_update_',
    'gaussian_blur',
    'hybrid_attention',
    'key_groups',
    'masked_feature_distance',
    'pixel_agreement',
    'plan_attention',
]
