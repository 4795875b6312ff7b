# Network and data of the benchmark camvid2iddlite_lite0.yaml; alone, source only: EfficientNet-Lite0.
#     python tools/train.py configs/benchmark/segformer_efficientnet-lite0_camvid2iddlite.py
# Expected: see docs/benchmark.md
# Weights: ImageNet's, in timm's names (pip install 'mmuda[timm]').
_base_ = [
    '../_base_/models/segformer_efficientnet-lite0.py',  # the network
    '../_base_/datasets/camvid2iddlite_320x224.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
weights = '{{$MMUDA_DATA:data}}/weights/efficientnet_lite0_imagenet_timm_fp16.pth'
model = dict(
    backbone=dict(pretrained=True, pretrained_cfg_overlay=dict(file=weights)),
    decode_head=dict(num_classes=_base_.num_classes),
)
# Every row of the table sees the source like this: it is what makes source only strong.
source_pipeline = _base_.train_pipeline.copy()
source_pipeline.insert(-1, dict(type='mmseg.PhotoMetricDistortion', brightness_delta=64, contrast_range=(0.3, 1.5)))
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline)))
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=5.0))))
train_cfg = dict(max_iters=400, val_interval=100)
param_scheduler = dict(warmup=0.125)
custom_hooks = [dict(type='mmuda.ChannelsLastHook')]
