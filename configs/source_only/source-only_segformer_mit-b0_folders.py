# Source only, on street images of one's own: SegFormer (MiT-B0) from random weights, crops of 480x360.
#     python tools/train.py configs/source_only/source-only_segformer_mit-b0_folders.py
# Expected: of your own data. Where they lie and what the classes are: docs/own_data.md.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/street_folders.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(decode_head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=4, dataset=dict(target=None))
