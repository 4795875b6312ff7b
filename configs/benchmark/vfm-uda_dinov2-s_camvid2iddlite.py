# Network and data of the benchmark camvid2iddlite_dinov2.yaml; alone, source only: DINOv2 ViT-S/14.
#     python tools/train.py configs/benchmark/vfm-uda_dinov2-s_camvid2iddlite.py
# Expected: see docs/benchmark.md
# Weights: of DINOv2-S in mmpretrain's names, here those that their publisher tuned for saliency.
_base_ = [
    '../_base_/models/vfm-uda_dinov2.py',  # the network
    '../_base_/datasets/camvid2iddlite_320x224.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
weights = '{{$MMUDA_DATA:data}}/weights/dinov2_small_saliency_mmpretrain_fp16.pth'
model = dict(
    backbone=dict(arch='dinov2-small', init_cfg=dict(type='Pretrained', checkpoint=weights)),
    decode_head=dict(in_channels=384, num_classes=_base_.num_classes),
)
# Every row of the table sees the source like this: it is what makes source only strong.
source_pipeline = _base_.train_pipeline.copy()
source_pipeline.insert(-1, dict(type='mmseg.PhotoMetricDistortion', brightness_delta=64, contrast_range=(0.3, 1.5)))
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline)))
optim_wrapper = dict(
    optimizer=dict(lr=3e-4), paramwise_cfg=dict(_delete_=True, custom_keys=dict(backbone=dict(lr_mult=0.1)))
)
train_cfg = dict(max_iters=400, val_interval=100)
param_scheduler = dict(warmup=0.125)
