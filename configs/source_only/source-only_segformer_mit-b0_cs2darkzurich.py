# Source only: SegFormer (MiT-B0), Cityscapes -> Dark Zurich, 40,000 iterations, 2 source images a step.
#     python tools/train.py configs/source_only/source-only_segformer_mit-b0_cs2darkzurich.py
# Expected: not measured here yet.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/cityscapes2darkzurich_512x512.py',
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
pretrained = dict(type='Pretrained', checkpoint=_base_.mit_weights)
model = dict(backbone=dict(init_cfg=pretrained), decode_head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=2, dataset=dict(target=None))
