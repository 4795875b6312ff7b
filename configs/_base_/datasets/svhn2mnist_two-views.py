# As svhn2mnist.py, 128 + 128 images a batch, with a strong view of each target image.
_base_ = ['./svhn2mnist.py', '../pipelines/two_views_digits_32.py']
train_dataloader = dict(
    batch_size=256,
    num_workers=0,  # a worker's hand-over costs more than loading images of this size
    persistent_workers=False,
    sampler=dict(epoch='source'),
    dataset=dict(source=dict(pipeline=_base_.one_view), target=dict(pipeline=_base_.two_views)),
)
