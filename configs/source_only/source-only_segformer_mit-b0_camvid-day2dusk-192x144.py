# Source only: SegFormer (MiT-B0) from random weights, CamVid day -> dusk at 192x144.
#     python tools/train.py configs/source_only/source-only_segformer_mit-b0_camvid-day2dusk-192x144.py
# Expected: see configs/stct/README.md
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/camvid_day2dusk_192x144.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(decode_head=dict(num_classes=_base_.num_classes))
# From random weights a network learns colours first: without strong distortion it is blind at dusk.
source_pipeline = _base_.train_pipeline.copy()
source_pipeline.insert(-1, dict(type='mmseg.PhotoMetricDistortion', brightness_delta=64, contrast_range=(0.3, 1.5)))
train_dataloader = dict(batch_size=4, dataset=dict(source=dict(pipeline=source_pipeline), target=None))
optim_wrapper = dict(optimizer=dict(lr=5e-4), paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=2.0))))
train_cfg = dict(max_iters=3000)
param_scheduler = dict(warmup=0.05)  # 150 steps
