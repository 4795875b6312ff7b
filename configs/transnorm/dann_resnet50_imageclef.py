# DANN + TransNorm: ResNet-50, ImageCLEF-DA, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_resnet50_imageclef.py
# Expected, from the paper (Table 2, mean of six pairs): 87.0 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=c-p (i-p by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/imageclef_da.py',
    '../_base_/methods/dann.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
norm = 'mmuda.TransNorm'
student = _base_.model
student.backbone.norm_cfg = dict(type=f'{norm}2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.neck.norm_cfg = dict(type=f'{norm}1d')
student.head.num_classes = _base_.num_classes
dann = _base_.dann.terms.dann
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(dann=dann))
