# DAN: LeNet with batch norm, USPS -> MNIST, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/dan/dan_lenet_usps2mnist.py
# Expected of a shorter run: see "Measured" in configs/acda/README.md; no paper has this network on these images.
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/usps2mnist.py',
    '../_base_/methods/dan.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
dan = _base_.dan.terms.dan
dan.update(taps=['backbone'])
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(dan=dan))
