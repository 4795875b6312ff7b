# DANN + TransNorm: ResNet-50, VisDA-2017, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_resnet50_visda.py
# Expected, from the paper (Table 4): 66.3 % accuracy. Not run here.
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/visda2017.py',
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
