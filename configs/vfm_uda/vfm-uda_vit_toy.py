# VFM-UDA on the painted streets, a small vision transformer from random weights.
#     python tools/train.py configs/vfm_uda/vfm-uda_vit_toy.py
_base_ = [
    '../_base_/models/vfm-uda_dinov2.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/vfm-uda.py',  # what is done with two domains
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.data_preprocessor.update(size_divisor=8, test_cfg=dict(size_divisor=8))
student.backbone.update(
    arch=dict(embed_dims=96, num_layers=4, num_heads=3, feedforward_channels=192),
    img_size=_base_.crop_size,
    patch_size=8,
    layer_scale_init_value=0.0,
)
student.decode_head.update(in_channels=96, num_classes=_base_.num_classes)
vfm_uda = _base_.vfm_uda
vfm_uda.views.masked.patch = 8
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, **vfm_uda)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.01)]
