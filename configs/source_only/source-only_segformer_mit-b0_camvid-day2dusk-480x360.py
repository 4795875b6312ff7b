# Source only: SegFormer (MiT-B0) from random weights, CamVid day -> dusk at 480x360.
#     python tools/train.py configs/source_only/source-only_segformer_mit-b0_camvid-day2dusk-480x360.py
# Expected: see configs/stct/README.md
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/camvid_day2dusk_480x360.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(decode_head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=4, dataset=dict(target=None))
