# FixMatch: ResNet-18, semi-supervised CIFAR-10, 277,500 iterations of 64 labelled + 448 unlabelled images.
#     python tools/train.py configs/dida/fixmatch_resnet18_cifar10.py
# Expected, from DIDA-Net's paper (Table XIII, with a WRN-28-2): 69.88 / 88.27 / 90.16 % accuracy with 40 / 250 / 4,000
# labels. Not run here.
# Labels a class: MMUDA_PER_CLASS=25 (4 by default); another draw of them: MMUDA_DRAW=1.
_base_ = [
    '../_base_/models/resnet18_cifar.py',  # the network
    '../_base_/datasets/cifar10_ssl.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_277k_cosine.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
model = dict(_delete_=True, type='FixMatchUDA', task='classification', student=student, **_base_.fixmatch)
