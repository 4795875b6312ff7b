# MDD + TransNorm: ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/mdd_resnet50_office31.py
# Expected, from the paper (Table 4, mean of six pairs): 89.5 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = [
    '../_base_/models/resnet50_mdd.py',  # the network, with MDD's own bottleneck and classifier
    '../_base_/datasets/office31.py',
    '../_base_/methods/mdd.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
norm = 'mmuda.TransNorm'
student = _base_.model
student.backbone.norm_cfg = dict(type=f'{norm}2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.neck.norm_cfg = dict(type=f'{norm}1d')
student.head.num_classes = _base_.num_classes
mdd = _base_.mdd.terms.mdd
mdd.update(in_channels=1024)
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(mdd=mdd))
