"""Pictures of arrays: label maps, overlays, views, comparisons, confusion, attention, channels, embeddings, curves."""

from mmuda.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    dict(
        attention=('AttentionReport', 'attention_figure', 'split_overlay'),
        channels=('ChannelReport', 'channels_figure'),
        comparing=('Layout', 'comparison'),
        confusion=('confusion_figure',),
        cross_layer=('LayerWeights', 'cross_layer_figure'),
        curves=('Curve', 'curves_figure'),
        embedding=('embedding_figure',),
        palette=('colorize', 'default_palette', 'overlay', 'palette_of'),
        views=('Panel', 'views_figure'),
    ),
)
