# DIDA-Net: MobileNetV2, Office-Caltech-10, three sources, 3,000 iterations of 48 + 16 images.
#     python tools/train.py configs/dida/dida_mobilenet-v2_office-caltech10-multi.py
# Expected: see "Office-Caltech-10" in configs/dida/README.md.
# The target: MMUDA_TARGET=dslr (webcam by default).
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmpretrain.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmpretrain.pth
_base_ = [
    '../_base_/models/dida_mobilenet-v2_bottleneck.py',  # the network
    '../_base_/datasets/office_caltech10_multi.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmpretrain.pth')
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
train_cfg = dict(max_epochs=None, max_iters=3000, val_interval=500)  # the smallest domain has nine batches an epoch
