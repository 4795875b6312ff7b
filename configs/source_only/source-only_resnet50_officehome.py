# Source only: ResNet-50, Office-Home, 100,000 iterations of 36 source images.
#     python tools/train.py configs/source_only/source-only_resnet50_officehome.py
# Expected, from TransNorm's paper (Table 3, mean of twelve pairs): 46.1 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/officehome.py',
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet50')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=36, dataset=dict(target=None))
