# JAN: LeNet with batch norm, MNIST -> USPS, 4,000 iterations of 32 + 32 images.
#     python tools/train.py configs/jan/jan_lenet_mnist2usps.py
# Expected of a shorter run: see "Measured" in configs/acda/README.md; no paper has this network on these images.
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/mnist2usps.py',
    '../_base_/methods/jan.py',  # what is done with two domains
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
jan = _base_.jan.terms.jan
jan.update(taps=['backbone'])
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(jan=jan))
