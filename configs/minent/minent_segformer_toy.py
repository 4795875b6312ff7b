# MinEnt on the painted streets.
#     python tools/train.py configs/minent/minent_segformer_toy.py
# Expected on the streets of `make demo` (--shift 0.6), seed 0, one CPU thread: 14.8 mIoU, source only 20.8.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/minent.py',  # what is done with two domains
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.backbone.embed_dims = 16  # MiT-B0 at half its width
student.decode_head.update(in_channels=[16, 32, 80, 128], channels=64, num_classes=_base_.num_classes)
model = dict(_delete_=True, type='mmuda.UDAModel', task='segmentation', student=student, **_base_.minent)
