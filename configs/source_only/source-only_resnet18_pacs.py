# Source only: ResNet-18, PACS, three sources, 100 epochs of 48 source images.
#     python tools/train.py configs/source_only/source-only_resnet18_pacs.py
# Expected, from DIDA-Net's paper (Table IIIa, mean of four targets): 81.94 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
# Views, batches of the sources and schedule are those of its twins in configs/dida.
_base_ = [
    '../_base_/models/resnet18.py',  # the network
    '../_base_/datasets/pacs.py',
    '../_base_/schedules/adam_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet18')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=48, dataset=dict(target=None))
