# Static control of dida_cnn2_mnist-usps2mnistm_include-source: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_cnn2_mnist-usps2mnistm_include-source.py
# Expected of a shorter run: see configs/dida/README.md
# The network learns strong views of the sources, too, by its own labels, as in the released code.
_base_ = './static_cnn2_mnist-usps2mnistm.py'
model = dict(
    labeller=dict(include_source=True),
    views=dict(unlabelled=dict(type='mmuda.StrongView', of='unlabelled')),
    terms=dict(target=dict(view=('unlabelled', 'target'))),
)
_base_.train_dataloader.dataset.source[0].pipeline = _base_.two_views
_base_.train_dataloader.dataset.source[1].pipeline = _base_.two_views
