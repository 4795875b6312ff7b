"""Pictures from arrays: label maps, overlays, comparisons, hybrid attention, channels, embeddings, curves, weights."""

from mmuda.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    dict(
        attention=('AttentionReport', 'attention_figure', 'split_overlay'),
        channels=('ChannelReport', 'channels_figure'),
        comparing=('Layout', 'comparison'),
        cross_layer=('LayerWeights', 'cross_layer_figure'),
        curves=('Curve', 'curves_figure'),
        embedding=('embedding_figure',),
        palette=('colorize', 'default_palette', 'overlay', 'palette_of'),
    ),
)
