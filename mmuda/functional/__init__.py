"""Pure tensor functions: one equation, one home."""

from .atrous import atrous_depthwise, joined_grids, sub_grids
from .attention import hybrid_attention, plan_attention
from .augment import (
    adjust_brightness,
    adjust_colors,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
    gaussian_blur,
)
from .biased_mmd import biased_mmd
from .block_mask import block_grid, block_mask
from .box_mask import box_mask
from .channel_distance import channel_distance, transferability
from .class_mix import class_mask, draw_half, look_up, mix, present_classes
from .class_thresholds import class_thresholds, count_confidences, surest_labels, surest_of_each_class
from .conditioning import entropy_weight, multilinear_map, prediction_entropy, randomized_multilinear_map
from .contrastive_discrepancy import contrastive_domain_discrepancy
from .coordination import coordination_ramp, pixel_agreement
from .criteria import (
    batch_nuclear_norm,
    class_correlation,
    deep_embedded_validation,
    density_ratio,
    mean_entropy,
    mutual_information,
    soft_neighbourhood_density,
)
from .cross_layer import (
    cross_layer_discrepancy,
    cross_layer_mmd,
    cross_layer_weights,
    layer_pairs,
    stacked_maps,
)
from .dida import dynamic_depthwise_conv, instance_conv, instance_kernels, shared_filters
from .discrepancy import classifier_discrepancy
from .domain_loss import domain_loss
from .ema import ema_momentum, ema_update_
from .entropy import charbonnier, normalized_entropy, self_information
from .feature_distance import masked_feature_distance, thing_mask
from .fourier_style import fourier_style, low_frequencies
from .grouping import class_split, class_split_pyramid, key_groups
from .joint_hypothesis import joint_errors
from .linear_probe import fit_linear
from .margin_disparity import log_complement
from .mmd import joint_mmd, multi_kernel_mmd, widened
from .moments import Moments, channel_moments, joined_moments, mixed_moments
from .pointwise import in_a_graph, pointwise_conv
from .prototypes import class_prototypes
from .proxy_distance import proxy_a_distance
from .released_augment import blur_kernel, draw_jitter, jitter_colors, released_blur
from .schedules import adaptation_ramp, is_share, steps_of
from .spherical_kmeans import Clusters, centre_movement, class_centres, spherical_kmeans
from .windows import Box, average_windows, check_box, fuse_scales, inserted, random_box, shrink, sliding_windows

__all__ = [
    'Box',
    'Clusters',
    'Moments',
    'adaptation_ramp',
    'adjust_brightness',
    'adjust_colors',
    'adjust_contrast',
    'adjust_hue',
    'adjust_saturation',
    'atrous_depthwise',
    'average_windows',
    'batch_nuclear_norm',
    'biased_mmd',
    'block_grid',
    'block_mask',
    'blur_kernel',
    'box_mask',
    'centre_movement',
    'channel_distance',
    'channel_moments',
    'charbonnier',
    'check_box',
    'class_centres',
    'class_correlation',
    'class_mask',
    'class_prototypes',
    'class_split',
    'class_split_pyramid',
    'class_thresholds',
    'classifier_discrepancy',
    'color_jitter',
    'contrastive_domain_discrepancy',
    'coordination_ramp',
    'count_confidences',
    'cross_layer_discrepancy',
    'cross_layer_mmd',
    'cross_layer_weights',
    'deep_embedded_validation',
    'density_ratio',
    'domain_loss',
    'draw_half',
    'draw_jitter',
    'dynamic_depthwise_conv',
    'ema_momentum',
    'ema_update_',
    'entropy_weight',
    'fit_linear',
    'fourier_style',
    'fuse_scales',
    'gaussian_blur',
    'hybrid_attention',
    'in_a_graph',
    'inserted',
    'instance_conv',
    'instance_kernels',
    'is_share',
    'jitter_colors',
    'joined_grids',
    'joined_moments',
    'joint_errors',
    'joint_mmd',
    'key_groups',
    'layer_pairs',
    'log_complement',
    'look_up',
    'low_frequencies',
    'masked_feature_distance',
    'mean_entropy',
    'mix',
    'mixed_moments',
    'multi_kernel_mmd',
    'multilinear_map',
    'mutual_information',
    'normalized_entropy',
    'pixel_agreement',
    'plan_attention',
    'pointwise_conv',
    'prediction_entropy',
    'present_classes',
    'proxy_a_distance',
    'random_box',
    'randomized_multilinear_map',
    'released_blur',
    'self_information',
    'shared_filters',
    'shrink',
    'sliding_windows',
    'soft_neighbourhood_density',
    'spherical_kmeans',
    'stacked_maps',
    'steps_of',
    'sub_grids',
    'surest_labels',
    'surest_of_each_class',
    'thing_mask',
    'transferability',
    'widened',
]
