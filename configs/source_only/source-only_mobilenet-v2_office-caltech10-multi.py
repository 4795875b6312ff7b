# Source only: MobileNetV2, Office-Caltech-10, three sources, 3,000 iterations of 48 source images.
#     python tools/train.py configs/source_only/source-only_mobilenet-v2_office-caltech10-multi.py
# Expected: see "Office-Caltech-10" in configs/dida/README.md.
# The target: MMUDA_TARGET=dslr (webcam by default).
# Views, batches of the sources and schedule are those of its twins in configs/dida.
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmpretrain.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmpretrain.pth
_base_ = [
    '../_base_/models/mobilenet-v2_bottleneck.py',  # the network
    '../_base_/datasets/office_caltech10_multi.py',
    '../_base_/schedules/sgd_100e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmpretrain.pth')),
    head=dict(num_classes=_base_.num_classes),
)
train_dataloader = dict(batch_size=48, dataset=dict(target=None))
train_cfg = dict(max_epochs=None, max_iters=3000, val_interval=500)  # the smallest domain has nine batches an epoch
