"""Every row of DIDA-Net's ablation tables is a few keys on one of its model configs, and trains all its parameters."""

import copy
import functools
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmuda import compat
from mmuda.models.layers import DIDAModule, MixStyle
from mmuda.registry import MODELS

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')
compat.apply()

FOLDER = Path(__file__).parents[2] / 'configs' / '_base_' / 'models'
ATTENTION = {'SENet': 'SqueezeExcitation', 'CBAM': 'CBAM', 'self-attention': 'NonLocal2d'}
ADAPTED = [f'layer{stage}.{block}.conv{conv}' for stage in (1, 2, 3, 4) for block in (0, 1) for conv in (1, 2)]


def adapter(name):
    """Beside a 3×3 convolution of a ResNet-18."""
    stage, first = int(name[5]), name.endswith('0.conv1') and name[5] != '1'
    out = 64 * 2 ** (stage - 1)
    return dict(type='ResidualAdapter', in_channels=out // 2 if first else out, out_channels=out, stride=1 + first)


def blocks(*channels, m=16, dilations=2, generators=20):
    """Parameters of DIDA modules, each with its norm, from channels to channels."""
    return sum(
        (c + 1) * (c // m) + dilations * generators + (c // m + 1) * (out // dilations) + 2 * out
        for c, out in pairwise(channels)
    )


def of_neck(**options):
    return 'dida_resnet18', dict(neck=options)


def of_module(**options):
    return of_neck(module=options)


def positions(*kept):
    dropped = {f'layer{stage}': None for stage in (1, 2, 3, 4) if stage not in kept}
    return 'dida-every-stage_resnet18', dict(backbone=dict(beside=dropped))


ROWS = {  # row: (model config, keys, parameters of the branches)
    'IV DIDA': ('dida_resnet18', {}, blocks(256, 512, 512)),
    'IV static CNN': (*of_module(type='mmuda.StaticModule'), blocks(256, 512, 512, generators=0) + 9 * (16 + 32)),
    'IV w/o main stream': (
        'dida_resnet18',
        dict(
            backbone=dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,)),
            neck=dict(main_stream=False),
        ),
        blocks(256, 512, 512),
    ),
    'V dilation 1': (*of_module(dilations=(1,)), blocks(256, 512, 512, dilations=1)),
    'V dilation 2': (*of_module(dilations=(2,)), blocks(256, 512, 512, dilations=1)),
    'V static, dilation 1': (
        *of_module(type='mmuda.StaticModule', dilations=(1,)),
        blocks(256, 512, 512, dilations=1, generators=0) + 9 * (16 + 32),
    ),
    'VI 1x1 kernel': (*of_module(kernel_size=(1, 3)), blocks(256, 512, 512) - 2 * 2 * 8),
    "VI 'conv1' not shared": (*of_module(share_reduction=False), blocks(256, 512, 512) + 2 * (257 * 16 + 513 * 32)),
    'Fig. 7 m = 2': (*of_module(reduction=2), blocks(256, 512, 512, m=2)),
    'Fig. 7 m = 32': (*of_module(reduction=32), blocks(256, 512, 512, m=32)),
    'VII res1': (*positions(1), blocks(64, 64, 64)),
    'VII res34': (*positions(3, 4), blocks(128, 256, 256) + blocks(256, 512, 512)),
    **{
        f'X {name}': (*of_module(type='AttentionModule', attention=dict(type=kind)), None)
        for name, kind in ATTENTION.items()
    },
    'XI residual adapter': (*of_module(_delete_=True, type='ResidualAdapter'), 256 * 512 + 512 * 512 + 4 * 512),
    'XI beside each convolution': (
        'dida-every-stage_resnet18',
        dict(backbone=dict(beside=dict(_delete_=True, **{name: adapter(name) for name in ADAPTED}))),
        sum(c['in_channels'] * c['out_channels'] for c in map(adapter, ADAPTED)),
    ),
}


@functools.cache
def read(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def build(name, options):
    cfg = copy.deepcopy(read(name))
    cfg.merge_from_dict(dict(model=options))
    return MODELS.build(cfg.model)


def branches(net):
    return net.backbone.beside if hasattr(net.backbone, 'beside') else net.neck.branch


@pytest.mark.parametrize('row', ROWS)
def test_a_row_trains_all_its_parameters(row):
    name, options, parameters = ROWS[row]
    net = build(name, options).to('meta')
    net(torch.empty(2, 3, 64, 64, device='meta')).square().sum().backward()
    assert [key for key, value in net.named_parameters() if value.grad is None] == []
    if parameters is not None:
        assert sum(p.numel() for p in branches(net).parameters()) == parameters


@pytest.mark.parametrize('kept', [(1,), (2,), (3,), (4,), (1, 4), (2, 4), (3, 4)])
def test_columns_of_table_vii(kept):
    net = build(*positions(*kept))
    assert list(net.backbone.beside) == [f'layer{stage}' for stage in kept]


def test_branches_have_as_many_modules_as_their_stages_have_blocks():
    resnets = [build(f'dida_resnet{depth}', {}) for depth in (18, 50, 101)]
    every, wide = build('dida-every-stage_resnet18', {}), build('dida_wrn-28-2_cifar10', {})
    for net in resnets:
        assert len(net.neck.branch.blocks) == len(net.backbone.layer4)
        assert net.neck.branch.blocks[0][0].stride == 2
    for stage, branch in every.backbone.beside.items():
        assert len(branch.blocks) == len(getattr(every.backbone, stage))
    assert len(wide.neck.branch.blocks) == len(wide.backbone.groups[2]) == 4


def test_digit_networks_adapt_beside_their_last_convolution():
    for number, channels in ((2, 1), (3, 3)):
        net = build(f'dida-mixstyle_cnn{number}_digits', {})
        assert list(net.backbone.beside) == [f'stages_{number - 1}']
        assert isinstance(net.backbone.after['stages_0'], MixStyle)
        side = net.backbone.size
        net(torch.randn(4, channels, side, side)).square().sum().backward()
        assert all(p.grad is not None for p in net.parameters())


def test_first_weights_of_a_digit_network_are_torchs_own():
    net = build('dida_cnn3_digits', {})
    net.init_weights()
    for module in net.modules():
        if isinstance(module, DIDAModule):
            assert module.reduce.weight.abs().max() <= 64**-0.5
            assert module.reduce.bias.abs().max() > 0
    weight = net.backbone.stages[0].conv.weight
    assert weight.abs().max() <= 75**-0.5


def test_mixstyle_stands_after_the_first_stage_of_the_single_source_resnet():
    net = build('dida-mixstyle_resnet50', {})
    net.train()
    x = torch.randn(4, 3, 32, 32)
    net.backbone.after['layer1'].p = 1.0
    outputs = [net(x) for _ in range(2)]
    net.backbone.after['layer1'].eval()
    assert not torch.equal(*outputs)
    assert torch.equal(net(x), net(x))
