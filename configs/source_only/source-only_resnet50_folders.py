# Source only, on photographs of one's own: ResNet-50, 10,000 iterations of 36 source images.
#     python tools/train.py configs/source_only/source-only_resnet50_folders.py
# Expected: of your own data. Where they lie and what the classes are: docs/datasets.md, "Your own photographs".
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/folders.py',
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet50')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=36, dataset=dict(target=None))
