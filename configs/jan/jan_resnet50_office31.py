# JAN: ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/jan/jan_resnet50_office31.py
# Expected, from ACDA's paper (Table 1, mean of six pairs): 84.3 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/office31.py',
    '../_base_/methods/jan.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.head.num_classes = _base_.num_classes
jan = _base_.jan.terms.jan
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(jan=jan))
