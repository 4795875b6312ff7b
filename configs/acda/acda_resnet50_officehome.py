# ACDA: ResNet-50, Office-Home, 1,500 iterations of source only and 7,500 of alignment, 10 classes with 3 + 3 images.
#     python tools/train.py configs/acda/acda_resnet50_officehome.py
# Expected, from the paper (Table 2, mean of twelve pairs): 70.5 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default); it also sets the distance.
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/officehome.py',
    '../_base_/methods/acda.py',  # what is done with two domains
    '../_base_/methods/acda_clustering.py',  # pseudo-labels of the target, batches by class
    '../_base_/schedules/sgd_6k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.norm_cfg = dict(type='mmuda.DomainSpecificBatchNorm2d')
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.head.num_classes = _base_.num_classes
hook = _base_.acda_clustering.hook
near = _base_.source_domain in ('product', 'real') or _base_.pair in ('art-clipart', 'art-product')
hook.update(distance=0.05 if near else 1.0)
labeller = _base_.acda_clustering.labeller
model = dict(
    _delete_=True, type='mmuda.UDAModel', task='classification', student=student, labeller=labeller, **_base_.acda
)
custom_hooks = [hook]
train_dataloader = dict(batch_size=60, sampler=dict(_delete_=True, **_base_.acda_clustering.sampler))
train_cfg = dict(max_iters=9000, val_interval=750)
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=9.0, beta=0.75, by_epoch=False)]
