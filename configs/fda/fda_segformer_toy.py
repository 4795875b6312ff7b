# FDA on the painted streets.
#     python tools/train.py configs/fda/fda_segformer_toy.py
# Expected on painted streets (--shift 0.6), seed 0, one CPU thread: 71.3 mIoU, source only 20.8.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/fda.py',  # what is done with two domains
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.backbone.embed_dims = 16  # MiT-B0 at half its width
student.decode_head.update(in_channels=[16, 32, 80, 128], channels=64, num_classes=_base_.num_classes)
fda = _base_.fda
fda.views.source.beta = 0.05  # of images of 96 pixels: four frequencies
model = dict(_delete_=True, type='mmuda.UDAModel', task='segmentation', student=student, **fda)
