# Source only: ResNet-50, ImageCLEF-DA, 100,000 iterations of 36 source images.
#     python tools/train.py configs/source_only/source-only_resnet50_imageclef.py
# Expected, from TransNorm's paper (Table 2, mean of six pairs): 80.7 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=c-p (i-p by default).
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/imageclef_da.py',
    '../_base_/schedules/sgd_100k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet50')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=36, dataset=dict(target=None))
