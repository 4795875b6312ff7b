# HRDA: DAFormer's training of two resolutions with its head on MiT-B5, GTA5 -> Cityscapes, 40,000 iterations of
# 2 + 2 images of 1024 x 1024.
#     tools/dist_train.sh configs/hrda/hrda_daformer_mit-b5_gta2cs.py 1
# Expected, from the paper: 73.8 mIoU, mean of 3 seeds. Not measured here yet.
_base_ = [
    '../_base_/models/hrda_mit-b5.py',  # the network
    '../_base_/datasets/gta2cityscapes_1024x1024.py',
    '../_base_/methods/daformer.py',  # what is done with two domains
    '../_base_/methods/feature_distance.py',  # keeps thing classes near their ImageNet features
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint=_base_.mit_weights)
methods = [_base_.daformer, _base_.feature_distance]
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=methods)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.001, keep_initial=True, copy_buffers=False)]
param_scheduler = dict(style='released')  # the warm-up times the decay, as in mmcv 1.x
