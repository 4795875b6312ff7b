# FixMatch: ResNet-50, Office-Home, 100 epochs of 32 + 32 images.
#     python tools/train.py configs/dida/fixmatch_resnet50_officehome.py
# Expected: not measured here yet.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default).
_base_ = [
    '../_base_/models/resnet50.py',  # the network
    '../_base_/datasets/officehome_two-views.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
