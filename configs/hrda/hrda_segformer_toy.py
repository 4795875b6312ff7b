# HRDA on the toy set, from random weights: SegFormer's head at both resolutions and as the attention of scales.
#     python tools/train.py configs/hrda/hrda_segformer_toy.py
# Expected on painted streets (--shift 0.6), seed 0, one CPU thread: 49.4 mIoU, source only 20.8.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/daformer.py',  # what is done with two domains
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
train_dataloader = dict(batch_size=4)  # 2 source + 2 target images, of which the teacher sees nine windows each
student = _base_.model
student.backbone.embed_dims = 16  # MiT-B0 at half its width
head = dict(student.decode_head, in_channels=[16, 32, 80, 128], channels=64)
student.decode_head = dict(
    type='mmuda.HRDAHead', head=head, attention=head, num_classes=_base_.num_classes, align_corners=False
)
student.update(type='mmuda.MultiResolutionSegmentor', detail_crop=(48, 80), detail_stride=(24, 40))
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, **_base_.daformer)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.01, keep_initial=True, copy_buffers=False)]
param_scheduler = dict(style='released')
