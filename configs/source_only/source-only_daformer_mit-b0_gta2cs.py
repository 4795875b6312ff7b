# Source only: DAFormer head on MiT-B0, GTA5 -> Cityscapes, 40,000 iterations of 2 source images.
#     tools/dist_train.sh configs/source_only/source-only_daformer_mit-b0_gta2cs.py 1
# Expected: the paper gives no figure for this setting, and none is measured here yet.
# ImageNet weights: tools/model_converters/mit2mmseg.py mit_b0.pth work_dirs/mit_b0_mmseg.pth
_base_ = [
    '../_base_/models/daformer_mit-b0.py',  # the network
    '../_base_/datasets/gta2cityscapes_512x512.py',
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/default_runtime.py',
]
model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mit_b0_mmseg.pth')))
train_dataloader = dict(batch_size=2, dataset=dict(target=None))
