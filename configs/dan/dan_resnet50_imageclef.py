# DAN: ResNet-50, ImageCLEF-DA, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/dan/dan_resnet50_imageclef.py
# Expected, from ACDA's paper (Table 3, mean of six pairs): 82.5 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=c-p (i-p by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/imageclef_da.py',
    '../_base_/methods/dan.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.head.num_classes = _base_.num_classes
dan = _base_.dan.terms.dan
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(dan=dan))
