# DIDA-Net with a branch beside each stage: ResNet-18, PACS, three sources, 100 epochs of 48 + 16 images.
#     python tools/train.py configs/dida/dida_resnet18_pacs_every-stage.py
# Expected: not measured here yet.
# The target: MMUDA_TARGET=photo (sketch by default).
# A leaf for each column of Table VII keeps some of these branches; they learn at ten times the rate of the backbone.
_base_ = [
    '../_base_/models/dida-every-stage_resnet18.py',  # the network
    '../_base_/datasets/pacs.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/adam_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet18')
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'beside.': dict(lr_mult=10.0)}))
