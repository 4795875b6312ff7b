# ACDA: ResNet-50, Office-31, 1,000 iterations of source only and 5,000 of alignment, 10 classes with 3 + 3 images each.
#     python tools/train.py configs/acda/acda_resnet50_office31.py
# Expected, from the paper (Table 1, mean of six pairs): 90.94 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/office31.py',
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
hook.distance = 0.05 if _base_.pair in ('amazon-dslr', 'amazon-webcam') else 1.0
labeller = _base_.acda_clustering.labeller
model = dict(
    _delete_=True, type='mmuda.UDAModel', task='classification', student=student, labeller=labeller, **_base_.acda
)
custom_hooks = [hook]
train_dataloader = dict(batch_size=60, sampler=dict(_delete_=True, **_base_.acda_clustering.sampler))
