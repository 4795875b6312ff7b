# DAFormer: its head on MiT-B5, Cityscapes -> ACDC, 40,000 iterations of 2 + 2 images.
#     tools/dist_train.sh configs/daformer/daformer_daformer_mit-b5_cs2acdc.py 1
# Expected, from the authors: 55.4 mIoU on the test images, whose labels are not public. Not measured here yet.
_base_ = [
    '../_base_/models/daformer_mit-b5.py',  # the network
    '../_base_/datasets/cityscapes2acdc_512x512.py',
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
