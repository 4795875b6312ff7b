# As officehome.py, 32 + 32 images a batch, resized to 224x224 whatever their shape, with a strong view of each target
# image; scored without a crop.
_base_ = ['./officehome.py', '../pipelines/two_views_224.py']
train_dataloader = dict(
    batch_size=64,
    sampler=dict(epoch='source'),
    dataset=dict(source=dict(pipeline=_base_.one_view), target=dict(pipeline=_base_.two_views)),
)
val_dataloader = dict(dataset=dict(pipeline=_base_.plain_view))
test_dataloader = val_dataloader
