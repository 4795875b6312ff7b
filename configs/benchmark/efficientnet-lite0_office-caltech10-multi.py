# Network and data of the benchmark's table of Office-Caltech-10; alone, source only: EfficientNet-Lite0, three sources.
#     python tools/train.py configs/benchmark/efficientnet-lite0_office-caltech10-multi.py
# Expected: see docs/benchmark.md
# The target: MMUDA_TARGET=dslr (webcam by default).
_base_ = [
    '../_base_/models/efficientnet-lite0_bottleneck.py',  # the network
    '../_base_/datasets/office_caltech10_multi.py',
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
# The table's norms remember real images (variable `anchored`), as efficientnet-lite0_office31.py says.
anchored = ''  # or source (all three), both
if anchored:
    own = f'work_dirs/efficientnet-lite0_office-caltech10_{_base_.target_domain}_{anchored}.pth'
    pretrained = dict(init_cfg=dict(type='Pretrained', checkpoint=own))
else:
    weights = '{{$MMUDA_DATA:data}}/weights/efficientnet_lite0_imagenet_timm_fp16.pth'
    pretrained = dict(pretrained=True, pretrained_cfg_overlay=dict(file=weights))
# Stem and first stages do not learn, as in ACDA's released code: a third of a step's time on a CPU.
frozen = [f'timm_model.{name}' for name in ('conv_stem', 'bn1', 'blocks.0', 'blocks.1')]
model = dict(backbone=dict(backbone=pretrained, frozen=frozen), head=dict(num_classes=_base_.num_classes))
train_dataloader = dict(batch_size=48, sampler=dict(ratio=(12, 12, 12, 12)))  # the sources, then the target
optim_wrapper = dict(optimizer=dict(lr=3e-3))  # bottleneck, classifier and terms: ten times that
custom_hooks = [dict(type='mmuda.ChannelsLastHook')]
