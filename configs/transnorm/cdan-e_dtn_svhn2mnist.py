# CDAN+E + TransNorm: DTN, SVHN -> MNIST, 40,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/cdan-e_dtn_svhn2mnist.py
# Expected: a figure of the paper's Table 4 that the copy at hand has lost. Not run here.
_base_ = [
    '../_base_/models/dtn_digits.py',  # the network
    '../_base_/datasets/svhn2mnist.py',
    '../_base_/methods/cdan-e.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
norm = 'mmuda.TransNorm'
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.update(norm_cfg=dict(type=f'{norm}2d'), fc_norm_cfg=dict(type=f'{norm}1d'))
cdan_e = _base_.cdan_e.terms.cdan_e
cdan_e.update(tap='backbone', in_channels=512, ramp_steps=0.25, entropy_ramp_steps=0.25)
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(cdan_e=cdan_e))
train_cfg = dict(max_iters=40000, val_interval=2000)
