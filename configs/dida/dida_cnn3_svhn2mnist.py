# DIDA-Net: CNN of three convolutions, MixStyle, SVHN -> MNIST, 4,000 iterations of 128 + 128 images.
#     python tools/train.py configs/dida/dida_cnn3_svhn2mnist.py
# Expected, from the paper (Table I, on all of MNIST): 94.8 % accuracy. Not run here.
_base_ = [
    '../_base_/models/dida-mixstyle_cnn3_digits.py',  # the network
    '../_base_/datasets/svhn2mnist_two-views.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/adam_4k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
