# DANN + TransNorm: DTN, SVHN -> MNIST, 40,000 iterations of 32 + 32 images.
#     python tools/train.py configs/transnorm/dann_dtn_svhn2mnist.py
# Expected, from the paper (Table 4): 77.0 % accuracy. Not run here.
_base_ = [
    '../_base_/models/dtn_digits.py',  # the network
    '../_base_/datasets/svhn2mnist.py',
    '../_base_/methods/dann.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
norm = 'mmuda.TransNorm'
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.update(norm_cfg=dict(type=f'{norm}2d'), fc_norm_cfg=dict(type=f'{norm}1d'))
dann = _base_.dann.terms.dann
dann.update(tap='backbone', in_channels=512, ramp_steps=0.25)
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(dann=dann))
train_cfg = dict(max_iters=40000, val_interval=2000)
