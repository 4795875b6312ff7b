# VFM-UDA with DINOv2 ViT-B/14, GTA5 -> Cityscapes, 40,000 iterations of 8 + 8 images.
#     tools/dist_train.sh configs/vfm_uda/vfm-uda_dinov2-b_gta2cs.py 4
# Expected, from the paper: 77.1 mIoU, and 78.4 with ViT-L/14 (--cfg-options dinov2=l). Not measured here yet.
_base_ = [
    '../_base_/models/vfm-uda_dinov2.py',  # the network
    '../_base_/datasets/gta2cityscapes_1120x1120.py',
    '../_base_/methods/vfm-uda.py',  # what is done with two domains
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint=_base_.dinov2_weights, prefix='backbone.')
student.test_cfg = dict(mode='slide', crop_size=(1120, 1120), stride=(560, 560))
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, **_base_.vfm_uda)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.001)]

train_dataloader = dict(batch_size=4)  # 2 + 2 images in each of four processes
optim_wrapper = dict(
    optimizer=dict(lr=1.41421e-4),  # 5e-5 times the root of 8 images
    paramwise_cfg=dict(_delete_=True, custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = dict(style='cut', start_factor=1e-3)  # the decay begins with the warm-up, which hides it
auto_scale_lr = dict(base_batch_size=16)
