# MCD: LeNet with batch norm, MNIST -> USPS, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/mcd/mcd_lenet_mnist2usps.py
# Expected of a shorter run: see "Measured" in configs/acda/README.md; no paper has this network on these images.
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/mnist2usps.py',
    '../_base_/methods/mcd.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.head = dict(type='mmuda.TwoClassifierHead', classifier=student.head)
model = dict(_delete_=True, type='mmuda.MCDUDA', task='classification', student=student, **_base_.mcd)
