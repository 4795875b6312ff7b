# As mnist2mnistm_two-views.py at 28x28, with the views and for the small network of MNIST <-> USPS.
_base_ = ['./mnist2mnistm.py', '../pipelines/two_views_digits_28.py']
train_dataloader = dict(
    batch_size=256,
    num_workers=0,  # a worker's hand-over costs more than loading images of this size
    persistent_workers=False,
    sampler=dict(epoch='source'),
    dataset=dict(source=dict(pipeline=_base_.one_view), target=dict(pipeline=_base_.two_views)),
)
val_dataloader = dict(dataset=dict(pipeline=[_base_.resize, dict(type='mmpretrain.PackInputs')]))
test_dataloader = val_dataloader
