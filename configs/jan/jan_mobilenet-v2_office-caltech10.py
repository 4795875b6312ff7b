# JAN: MobileNetV2, Office-Caltech-10, 10,000 iterations of 36 + 36 images.
#     python tools/train.py configs/jan/jan_mobilenet-v2_office-caltech10.py
# Expected of a shorter run: see "Measured" in configs/acda/README.md; no paper has this network on these images.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmpretrain.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmpretrain.pth
_base_ = [
    '../_base_/models/mobilenet-v2_bottleneck.py',  # the network
    '../_base_/datasets/office_caltech10.py',
    '../_base_/methods/jan.py',  # what is done with two domains
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmpretrain.pth')
student.head.num_classes = _base_.num_classes
jan = _base_.jan.terms.jan
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(jan=jan))
