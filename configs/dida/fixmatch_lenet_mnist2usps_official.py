# FixMatch: the released code's settings, LeNet with batch norm, MNIST -> USPS, 4,000 iterations of 128 + 128
# images.
#     python tools/train.py configs/dida/fixmatch_lenet_mnist2usps_official.py
# Expected: not measured here yet.
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/mnist2usps_two-views.py',
    '../_base_/methods/fixmatch_official.py',  # what is done with two domains
    '../_base_/schedules/adam_4k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch_official)
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.two_views)))
