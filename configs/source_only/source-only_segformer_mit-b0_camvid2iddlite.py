# Source only: SegFormer (MiT-B0) from random weights, CamVid by day -> IDD-Lite at 320x224, 4 source images a step.
#     python tools/train.py configs/source_only/source-only_segformer_mit-b0_camvid2iddlite.py
# Expected: not measured here yet.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/camvid2iddlite_320x224.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(decode_head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=4, dataset=dict(target=None))
