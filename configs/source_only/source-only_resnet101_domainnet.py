# Source only: ResNet-101, DomainNet, five sources, 40 epochs of 30 source images.
#     python tools/train.py configs/source_only/source-only_resnet101_domainnet.py
# Expected, from DIDA-Net's paper (Table IIIc, mean of six targets): 32.9 % accuracy. Not run here.
# The target: MMUDA_TARGET=sketch (clipart by default).
# Views, batches of the sources and schedule are those of its twins in configs/dida.
_base_ = [
    '../_base_/models/resnet101.py',  # the network
    '../_base_/datasets/domainnet.py',
    '../_base_/schedules/sgd_40e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet101')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=30, dataset=dict(target=None))
