# DIDA-Net: ResNet-18, PACS, three sources, 100 epochs of 48 + 16 images.
#     python tools/train.py configs/dida/dida_resnet18_pacs.py
# Expected, from the paper (Table IIIa, mean of four targets): 91.83 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
# The branch is `neck`: with the head it learns at ten times the rate of the backbone, by paramwise_cfg of the schedule.
_base_ = [
    '../_base_/models/dida_resnet18.py',  # the network
    '../_base_/datasets/pacs.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/adam_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet18')
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
