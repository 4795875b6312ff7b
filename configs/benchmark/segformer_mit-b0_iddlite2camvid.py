# Network and data of the benchmark iddlite2camvid.yaml; alone, source only: MiT-B0, IDD-Lite -> CamVid by day.
#     python tools/train.py configs/benchmark/segformer_mit-b0_iddlite2camvid.py
# Expected: see docs/benchmark.md
# Weights: of MiT-B0 in mmseg's names, see configs/_base_/models/segformer_mit-b0.py.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/iddlite2camvid_320x224.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mit_b0_mmseg.pth')),
    decode_head=dict(num_classes=_base_.num_classes),
)
# Every row of the table sees the source like this: it is what makes source only strong.
source_pipeline = _base_.train_pipeline.copy()
source_pipeline.insert(-1, dict(type='mmseg.PhotoMetricDistortion', brightness_delta=64, contrast_range=(0.3, 1.5)))
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline)))
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=5.0))))
train_cfg = dict(max_iters=400, val_interval=100)
param_scheduler = dict(warmup=0.125)
