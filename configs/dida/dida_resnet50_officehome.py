# DIDA-Net: ResNet-50, MixStyle, Office-Home, 100 epochs of 32 + 32 images.
#     python tools/train.py configs/dida/dida_resnet50_officehome.py
# Expected, from the paper (Table II, mean of twelve pairs): 72.1 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default).
_base_ = [
    '../_base_/models/dida-mixstyle_resnet50.py',  # the network
    '../_base_/datasets/officehome_two-views.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
