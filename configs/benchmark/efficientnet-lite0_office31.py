# Network and data of the benchmark's tables of Office-31; alone, source only: EfficientNet-Lite0, amazon -> webcam.
#     python tools/train.py configs/benchmark/efficientnet-lite0_office31.py
# Expected: see docs/benchmark.md, at 128 px.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
# The tables start from norms that remember real images (variable `anchored`): the source's for a network that trains on
# these alone, both domains' for one that sees joint batches. One file a source and one a pair:
#     MMUDA_PAIR=amazon-webcam python tools/model_converters/anchor_norms.py \
#         configs/benchmark/efficientnet-lite0_office31.py work_dirs/efficientnet-lite0_amazon-webcam.pth \
#         --domains both --samples 320 --cfg-options size=128
# and the same with --domains source for work_dirs/efficientnet-lite0_amazon.pth.
_base_ = [
    '../_base_/models/efficientnet-lite0_bottleneck.py',  # the network
    '../_base_/datasets/office31_two-views.py',
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
anchored = ''  # or source, both
if anchored:
    remembered = _base_.source_domain if anchored == 'source' else _base_.pair
    own = f'work_dirs/efficientnet-lite0_{remembered}.pth'
    pretrained = dict(init_cfg=dict(type='Pretrained', checkpoint=own))
else:
    weights = '{{$MMUDA_DATA:data}}/weights/efficientnet_lite0_imagenet_timm_fp16.pth'
    pretrained = dict(pretrained=True, pretrained_cfg_overlay=dict(file=weights))
# Stem and first stages do not learn, as in ACDA's released code: a third of a step's time on a CPU.
frozen = [f'timm_model.{name}' for name in ('conv_stem', 'bn1', 'blocks.0', 'blocks.1')]
model = dict(backbone=dict(backbone=pretrained, frozen=frozen), head=dict(num_classes=_base_.num_classes))
optim_wrapper = dict(optimizer=dict(lr=3e-3))  # bottleneck, classifier and terms: ten times that
custom_hooks = [dict(type='mmuda.ChannelsLastHook')]
