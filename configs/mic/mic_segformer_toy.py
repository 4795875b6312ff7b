# MIC on the painted streets.
#     python tools/train.py configs/mic/mic_segformer_toy.py
# Expected on the streets of `make demo` (--shift 0.6), seed 0, one CPU thread: 50.1 mIoU, source only 20.8.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/mic.py',  # what is done with two domains
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.backbone.embed_dims = 16  # MiT-B0 at half its width
student.decode_head.update(in_channels=[16, 32, 80, 128], channels=64, num_classes=_base_.num_classes)
mic = _base_.mic
mic.views.masked.block = 16  # of images of 96 pixels
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, **mic)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.01, keep_initial=True, copy_buffers=False)]
