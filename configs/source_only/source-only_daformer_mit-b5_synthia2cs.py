# Source only: DAFormer head on MiT-B5, SYNTHIA -> Cityscapes, 40,000 iterations of 2 source images.
#     tools/dist_train.sh configs/source_only/source-only_daformer_mit-b5_synthia2cs.py 1
# Expected: the paper gives no figure for this setting, and none is measured here yet.
_base_ = [
    '../_base_/models/daformer_mit-b5.py',  # the network
    '../_base_/datasets/synthia2cityscapes_512x512.py',
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint=_base_.mit_weights)
model = dict(backbone=dict(init_cfg=pretrained), decode_head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=2, dataset=dict(target=None))
