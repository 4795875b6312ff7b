# CDAN+E + TransNorm: Inception-BN, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/cdan-e_inception-bn_office31.py
# Expected: a figure of the paper's Table 4 that the copy at hand has lost. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
# ImageNet weights: tools/model_converters/caffe2mmuda.py bn_inception-52deb4733.pth work_dirs/inception_bn_mmuda.pth
_base_ = [
    '../_base_/models/inception-bn_bottleneck.py',  # the network
    '../_base_/datasets/office31.py',
    '../_base_/methods/cdan-e.py',  # what is done with two domains
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
norm = 'mmuda.TransNorm'
student = _base_.model
student.backbone.norm_cfg = dict(type=f'{norm}2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='work_dirs/inception_bn_mmuda.pth')
student.neck.norm_cfg = dict(type=f'{norm}1d')
student.head.num_classes = _base_.num_classes
cdan_e = _base_.cdan_e.terms.cdan_e
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(cdan_e=cdan_e))
