# DAN: ResNet-101, VisDA-2017, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/dan/dan_resnet101_visda.py
# Expected, from ACDA's paper (Table 4): 61.1 % accuracy. Not run here.
_base_ = [
    '../_base_/models/resnet101_bottleneck.py',  # the network
    '../_base_/datasets/visda2017.py',
    '../_base_/methods/dan.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet101')
student.head.num_classes = _base_.num_classes
dan = _base_.dan.terms.dan
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(dan=dan))
