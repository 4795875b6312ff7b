# MDD + TransNorm: ResNet-50, VisDA-2017, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/mdd_resnet50_visda.py
# Expected: the paper gives no figure for this setting. Not run here.
_base_ = [
    '../_base_/models/resnet50_mdd.py',  # the network, with MDD's own bottleneck and classifier
    '../_base_/datasets/visda2017.py',
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
