# MIC on DAFormer: DAFormer's head on MiT-B5, GTA5 -> Cityscapes, 40,000 iterations of 2 + 2 images of 512 x 512.
#     tools/dist_train.sh configs/mic/mic_daformer_mit-b5_gta2cs.py 1
# Expected, from the paper: 70.6 mIoU. Not measured here yet.
_base_ = [
    '../_base_/models/daformer_mit-b5.py',  # the network
    '../_base_/datasets/gta2cityscapes_512x512.py',
    '../_base_/methods/daformer.py',  # what is done with two domains
    '../_base_/methods/feature_distance.py',  # keeps thing classes near their ImageNet features
    '../_base_/methods/mic.py',  # and what is learned of masked images
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint=_base_.mit_weights)
daformer = _base_.daformer
daformer.labeller.update(ignore_top=15, ignore_bottom=120)  # rectification, bonnet of the ego car
mic = _base_.mic
mic.views.masked.block = 32  # of images at half their size
methods = [daformer, _base_.feature_distance, mic]
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=methods)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.001, keep_initial=True, copy_buffers=False)]
param_scheduler = dict(style='released')  # the warm-up times the decay, as in mmcv 1.x
