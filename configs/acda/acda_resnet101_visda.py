# ACDA: ResNet-101, VisDA-2017, 2,500 iterations of source only and 25,000 of alignment, 6 classes with 10 + 10 images.
#     python tools/train.py configs/acda/acda_resnet101_visda.py
# Expected, from the paper (Table 4): 86.4 % accuracy. Not run here.
_base_ = [
    '../_base_/models/resnet101_bottleneck.py',  # the network
    '../_base_/datasets/visda2017.py',
    '../_base_/methods/acda.py',  # what is done with two domains
    '../_base_/methods/acda_clustering.py',  # pseudo-labels of the target, batches by class
    '../_base_/schedules/sgd_6k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.norm_cfg = dict(type='mmuda.DomainSpecificBatchNorm2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet101')
student.head.num_classes = _base_.num_classes
hook = _base_.acda_clustering.hook
hook.update(pretrain=1 / 11, interval=1 / 55, distance=1.0)  # 2,500 and 500 steps
sampler = _base_.acda_clustering.sampler
sampler.update(ratio=(60, 60), per_class=10)
labeller = _base_.acda_clustering.labeller
model = dict(
    _delete_=True, type='mmuda.UDAModel', task='classification', student=student, labeller=labeller, **_base_.acda
)
custom_hooks = [hook]
train_dataloader = dict(batch_size=120, sampler=dict(_delete_=True, **sampler))
train_cfg = dict(max_iters=27500, val_interval=2500)
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=13.75, beta=2.25, by_epoch=False)]
