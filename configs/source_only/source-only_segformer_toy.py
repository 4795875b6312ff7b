# Source only on the toy set: the twin of configs/stct/stct_segformer_toy.py.
#     python tools/train.py configs/source_only/source-only_segformer_toy.py
# Expected on painted streets (--shift 0.6), seed 0, one CPU thread: 20.8 mIoU.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(  # MiT-B0 at half its width
    backbone=dict(embed_dims=16),
    decode_head=dict(in_channels=[16, 32, 80, 128], channels=64, num_classes=_base_.num_classes),
)
train_dataloader = dict(batch_size=4, dataset=dict(target=None))
