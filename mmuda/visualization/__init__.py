"""Pictures from arrays: coloured label maps, overlays, comparisons, hybrid attention, embeddings."""

from .attention import AttentionReport, attention_figure, split_overlay
from .comparison import Layout, comparison
from .embedding import embedding_figure
from .palette import colorize, default_palette, overlay

__all__ = [
    'AttentionReport',
    'Layout',
    'attention_figure',
    'colorize',
    'comparison',
    'default_palette',
    'embedding_figure',
    'overlay',
    'split_overlay',
]
