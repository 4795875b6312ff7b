# STCT: MobileNetV2 with an all-MLP head, CamVid day -> dusk at 480x360.
#     python tools/train.py configs/stct/stct_segformer_mobilenet-v2_camvid-day2dusk-480x360.py
# Expected: see configs/stct/README.md
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmseg.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmseg.pth
_base_ = [
    '../_base_/models/segformer_mobilenet-v2.py',  # the network
    '../_base_/datasets/camvid_day2dusk_480x360.py',
    '../_base_/methods/stct.py',  # what is done with two domains
    '../_base_/methods/feature_distance.py',  # keeps thing classes near their ImageNet features
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmseg.pth')
student.decode_head.num_classes = _base_.num_classes
feature_distance = _base_.feature_distance
feature_distance.terms.feature_distance.classes = [2, 6, 8, 9, 10]  # pole, sign, car, pedestrian, bicyclist
stct = _base_.stct
stct.terms.target.weight.update(alpha=2e-3, horizon=4000)  # the paper's 2e-4 is for 40,000 steps
stct.views.target.of = ('source', 'target')
model = dict(
    _delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=[stct, feature_distance]
)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.005)]
