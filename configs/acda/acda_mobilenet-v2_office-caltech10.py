# ACDA: MobileNetV2, Office-Caltech-10, 500 iterations of source only, 9,500 of alignment, 10 classes with 3 + 3 images.
#     python tools/train.py configs/acda/acda_mobilenet-v2_office-caltech10.py
# Expected: see "Measured" in configs/acda/README.md.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmpretrain.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmpretrain.pth
_base_ = [
    '../_base_/models/mobilenet-v2_bottleneck.py',  # the network
    '../_base_/datasets/office_caltech10.py',
    '../_base_/methods/acda.py',  # what is done with two domains
    '../_base_/methods/acda_clustering.py',  # pseudo-labels of the target, batches by class
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
student.backbone.norm_cfg = dict(type='mmuda.DomainSpecificBatchNorm2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmpretrain.pth')
student.head.num_classes = _base_.num_classes
acda = _base_.acda.terms.acda
acda.update(taps=('backbone.layer3', 'backbone.layer5', 'backbone.layer7'), in_channels=(32, 96, 320))
hook = _base_.acda_clustering.hook
hook.update(pretrain=0.05, interval=0.01, distance=1.0)
parts = dict(labeller=_base_.acda_clustering.labeller, terms=dict(acda=acda))
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **parts)
custom_hooks = [hook]
train_dataloader = dict(batch_size=60, sampler=dict(_delete_=True, **_base_.acda_clustering.sampler))
