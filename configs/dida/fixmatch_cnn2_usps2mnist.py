# FixMatch: CNN of two convolutions, USPS -> MNIST, 4,000 iterations of 128 + 128 images.
#     python tools/train.py configs/dida/fixmatch_cnn2_usps2mnist.py
# Expected: not measured here yet.
_base_ = [
    '../_base_/models/cnn2_digits.py',  # the network
    '../_base_/datasets/usps2mnist_two-views.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/adam_4k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
train_dataloader = dict(
    dataset=dict(source=dict(pipeline=_base_.two_views if _base_.include_source else _base_.one_view))
)
