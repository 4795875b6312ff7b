# ACDA: ResNet-50, ImageCLEF-DA, 200 iterations of source only and 1,000 of alignment, 10 classes with 3 + 3 images.
#     python tools/train.py configs/acda/acda_resnet50_imageclef.py
# Expected, from the paper (Table 3, mean of six pairs): 87.85 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=c-p (i-p by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/imageclef_da.py',
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
labeller = _base_.acda_clustering.labeller
model = dict(
    _delete_=True, type='mmuda.UDAModel', task='classification', student=student, labeller=labeller, **_base_.acda
)
custom_hooks = [hook]
train_dataloader = dict(batch_size=60, sampler=dict(_delete_=True, **_base_.acda_clustering.sampler))
train_cfg = dict(max_iters=1200, val_interval=100)
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=1.2, beta=0.75, by_epoch=False)]
