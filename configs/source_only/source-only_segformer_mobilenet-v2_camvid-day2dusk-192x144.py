# Source only: MobileNetV2 with an all-MLP head, CamVid day -> dusk at 192x144.
#     python tools/train.py configs/source_only/source-only_segformer_mobilenet-v2_camvid-day2dusk-192x144.py
# Expected: see configs/stct/README.md
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmseg.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmseg.pth
_base_ = [
    '../_base_/models/segformer_mobilenet-v2.py',  # the network
    '../_base_/datasets/camvid_day2dusk_192x144.py',
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmseg.pth')),
    decode_head=dict(num_classes=_base_.num_classes),
)
train_dataloader = dict(batch_size=2, dataset=dict(target=None))
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=5.0))))
custom_hooks = [dict(type='mmuda.ChannelsLastHook')]
train_cfg = dict(max_iters=1200, val_interval=400)
param_scheduler = dict(warmup=0.125)  # 150 steps
