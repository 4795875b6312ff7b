# DIDA-Net: WRN-28-2, CIFAR-10, semi-supervised, 40 labels, 277,500 iterations of 64 + 448 images.
#     python tools/train.py configs/dida/dida_wrn-28-2_cifar10.py
# Expected, from the paper (Table XIII, 40 labels): 78.98 % accuracy. Not run here.
# MMUDA_PER_CLASS=25 (or 400) is 250 (or 4,000) labels (4 by default, 40 labels); MMUDA_DRAW=1 is another draw.
# With 250 labels 88.37 %, with 4,000 labels 91.18 %.
_base_ = [
    '../_base_/models/dida_wrn-28-2_cifar10.py',  # the network
    '../_base_/datasets/cifar10_ssl.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_277k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
