# FixMatch as DIDA-Net's released code runs it (Dassl's trainer): source images are labelled by the network and learned
# from strong views too, weak source and strong views have a pass each, and dropout and MixStyle act on all passes.
# The sources need two views: train_dataloader.dataset.source.pipeline = _base_.two_views
fixmatch_official = dict(
    labeler=dict(type='mmuda.FixMatchLabeler', threshold=0.95, weighting='threshold'),
    weight_u=1.0,
    include_source=True,
    joint=False,
    pseudo_norm='train',
    pseudo_noise=True,
)
