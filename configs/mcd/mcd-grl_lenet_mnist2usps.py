# MCD by gradient reversal: LeNet with batch norm, MNIST -> USPS, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/mcd/mcd-grl_lenet_mnist2usps.py
# Expected: no paper has this network on these images. Not measured here yet.
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/mnist2usps.py',
    '../_base_/methods/mcd-grl.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.head = dict(type='mmuda.TwoClassifierHead', classifier=student.head)
mcd = _base_.mcd_grl.terms.mcd
mcd.update(tap='backbone', ramp_steps=1.0)
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(mcd=mcd))
