# MDD: LeNet with batch norm, USPS -> MNIST, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/mdd/mdd_lenet_usps2mnist.py
# Expected of a shorter run: see configs/transnorm/README.md
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/usps2mnist.py',
    '../_base_/methods/mdd.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
mdd = _base_.mdd.terms.mdd
mdd.update(tap='backbone', in_channels=500, ramp_steps=0.25)
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(mdd=mdd))
