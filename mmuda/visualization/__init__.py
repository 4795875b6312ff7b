"""Pictures from arrays: coloured label maps, overlays, comparisons."""

from .comparison import Layout, comparison
from .palette import colorize, default_palette, overlay

__all__ = ['Layout', 'colorize', 'comparison', 'default_palette', 'overlay']
