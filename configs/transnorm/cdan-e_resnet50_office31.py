# CDAN+E + TransNorm: ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/cdan-e_resnet50_office31.py
# Expected, from the paper (Table 1, mean of six pairs): 89.3 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/office31.py',
    '../_base_/methods/cdan-e.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
norm = 'mmuda.TransNorm'
student = _base_.model
student.backbone.norm_cfg = dict(type=f'{norm}2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.neck.norm_cfg = dict(type=f'{norm}1d')
student.head.num_classes = _base_.num_classes
cdan_e = _base_.cdan_e.terms.cdan_e
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(cdan_e=cdan_e))
