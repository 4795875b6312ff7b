"""Pictures from arrays: label maps, overlays, comparisons, hybrid attention, channels, embeddings, curves, weights."""

from .attention import AttentionReport, attention_figure, split_overlay
from .channels import ChannelReport, channels_figure
from .comparison import Layout, comparison
from .cross_layer import LayerWeights, cross_layer_figure
from .curves import Curve, curves_figure
from .embedding import embedding_figure
from .palette import colorize, default_palette, overlay, palette_of

__all__ = [
    'AttentionReport',
    'ChannelReport',
    'Curve',
    'LayerWeights',
    'Layout',
    'attention_figure',
    'channels_figure',
    'colorize',
    'comparison',
    'cross_layer_figure',
    'curves_figure',
    'default_palette',
    'embedding_figure',
    'overlay',
    'palette_of',
    'split_overlay',
]
