# Source only: ResNet-50, VisDA-2017, 100,000 iterations of 36 source images.
#     python tools/train.py configs/source_only/source-only_resnet50_visda.py
# Expected: the paper gives no figure for this setting. Not run here.
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/visda2017.py',
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet50')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=36, dataset=dict(target=None))
