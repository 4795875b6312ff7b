# FixMatch as DIDA-Net's released code runs it (Dassl's trainer): source images are labelled by the network and learned
# from strong views too, weak source and strong views have a pass each, and dropout and MixStyle act on all passes.
# The sources need two views: train_dataloader.dataset.source.pipeline = _base_.two_views
fixmatch_official = dict(
    labeller=dict(
        type='mmuda.OwnLabels', threshold=0.95, weighting='threshold', include_source=True, norm='train', noise=True
    ),
    views=dict(
        unlabelled=dict(type='mmuda.StrongView', of='unlabelled'),  # the source as the network labels it
        target=dict(type='mmuda.StrongView', of='target'),
    ),
    terms=dict(target=dict(type='mmuda.PseudoLabelLoss', view=('unlabelled', 'target'), loss_weight=1.0)),
    passes=[('source',), ('unlabelled', 'target')],
)
