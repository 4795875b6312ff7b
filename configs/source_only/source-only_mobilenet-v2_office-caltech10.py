# Source only: MobileNetV2, Office-Caltech-10, 10,000 iterations of 36 source images.
#     python tools/train.py configs/source_only/source-only_mobilenet-v2_office-caltech10.py
# Expected of a shorter run: see configs/transnorm/README.md
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
# ImageNet weights (for x / 127.5 - 1): tools/model_converters/torchvision2mmpretrain.py \
#     $MMUDA_DATA/weights/mobilenet_v2_imagenet_from_int8.pth work_dirs/mobilenet_v2_mmpretrain.pth
_base_ = [
    '../_base_/models/mobilenet-v2_bottleneck.py',  # the network
    '../_base_/datasets/office_caltech10.py',
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/mobilenet_v2_mmpretrain.pth')),
    head=dict(num_classes=_base_.num_classes),
)
train_dataloader = dict(batch_size=36, dataset=dict(target=None))
