# FixMatch: CNN of two convolutions, {MNIST, USPS} -> MNIST-M, 4,000 iterations of 64 + 64 + 64 images.
#     python tools/train.py configs/dida/fixmatch_cnn2_mnist-usps2mnistm.py
# Expected of a shorter run: see configs/dida/README.md
_base_ = [
    '../_base_/models/cnn2_digits.py',  # the network
    '../_base_/datasets/mnist-usps2mnistm_28_two-views.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/adam_4k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True)
student.backbone.in_channels = 3
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
pipeline = _base_.two_views if _base_.include_source else _base_.one_view
sources = [dict(part, pipeline=pipeline) for part in _base_.train_dataloader.dataset.source]
train_dataloader = dict(dataset=dict(source=sources))
