# CDAN + TransNorm: ResNet-50, ImageCLEF-DA, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/cdan_resnet50_imageclef.py
# Expected: the paper gives no figure without entropy weights (README.md). Not run here.
# The pair of domains: MMUDA_PAIR=c-p (i-p by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/imageclef_da.py',
    '../_base_/methods/cdan.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.norm_cfg = dict(type='mmuda.TransNorm2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.neck.norm_cfg = dict(type='mmuda.TransNorm1d')
student.head.num_classes = 12
cdan = _base_.cdan.terms.cdan
cdan.num_classes = 12
model = dict(_delete_=True, type='UDAModel', task='classification', student=student, terms=dict(cdan=cdan))
