# Static control of DIDA-Net: CNN of two convolutions, MNIST -> USPS, 4,000 iterations of 128 + 128 images.
#     python tools/train.py configs/dida/static_cnn2_mnist2usps_include-source.py
# Expected of a shorter run: see configs/dida/README.md
# The network learns strong views of the source, too, by its own labels, as in the released code.
_base_ = './static_cnn2_mnist2usps.py'
model = dict(
    labeller=dict(include_source=True),
    views=dict(unlabelled=dict(type='mmuda.StrongView', of='unlabelled')),
    terms=dict(target=dict(view=('unlabelled', 'target'))),
)
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.two_views)))
