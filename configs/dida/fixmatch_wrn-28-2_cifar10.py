# FixMatch: WRN-28-2, CIFAR-10, semi-supervised, 40 labels, 277,500 iterations of 64 + 448 images.
#     python tools/train.py configs/dida/fixmatch_wrn-28-2_cifar10.py
# Expected, from the paper (Table XIII, 40 labels): 69.88 % accuracy. Not run here.
# MMUDA_PER_CLASS=25 (or 400) is 250 (or 4,000) labels (4 by default, 40 labels); MMUDA_DRAW=1 is another draw.
# With 250 labels 88.27 %, with 4,000 labels 90.16 %.
_base_ = [
    '../_base_/models/wrn-28-2_cifar10.py',  # the network
    '../_base_/datasets/cifar10_ssl.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_277k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
