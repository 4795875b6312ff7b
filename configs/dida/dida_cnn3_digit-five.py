# DIDA-Net: CNN of three convolutions, Digit-Five, four sources, 30 epochs of 256 + 64 images.
#     python tools/train.py configs/dida/dida_cnn3_digit-five.py
# Expected, from the paper (Table IIIb, mean of five targets): 94.5 % accuracy. Not run here.
# The target: MMUDA_TARGET=svhn (mnist_m by default).
_base_ = [
    '../_base_/models/dida_cnn3_digits.py',  # the network
    '../_base_/datasets/digit_five.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_30e_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
