# ACDA: LeNet, MNIST -> USPS, 1,000 iterations of source only and 3,000 of alignment, 10 classes with 3 + 3 images.
#     python tools/train.py configs/acda/acda_lenet_mnist2usps.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = [
    '../_base_/models/lenet_digits.py',  # the network
    '../_base_/datasets/mnist2usps.py',
    '../_base_/methods/acda.py',  # what is done with two domains
    '../_base_/methods/acda_clustering.py',  # pseudo-labels of the target, batches by class
    '../_base_/schedules/sgd_4k_inverse.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.norm_cfg = dict(type='mmuda.DomainSpecificBatchNorm2d')
student.backbone.fc_norm_cfg = dict(type='mmuda.DomainSpecificBatchNorm1d')
acda = _base_.acda.terms.acda
acda.update(taps=('backbone.stages.0', 'backbone.stages.1'), in_channels=(20, 50), same_taps=('backbone',), size=4)
hook = _base_.acda_clustering.hook
hook.update(pretrain=0.25, interval=0.125, distance=1.0)
parts = dict(labeller=_base_.acda_clustering.labeller, terms=dict(acda=acda))
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **parts)
custom_hooks = [hook]
train_dataloader = dict(batch_size=60, sampler=dict(_delete_=True, **_base_.acda_clustering.sampler))
