"""Every backbone, layer, neck, head and term takes inputs of any memory layout, and those of mixed precision.

One table of cases for the whole family; a class without a case fails the first test.
"""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from mmuda import compat

pytest.importorskip('mmseg')
pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')
compat.apply()

from mmpretrain.models.utils import MultiheadAttention
from mmseg.models.backbones.mit import EfficientMultiheadAttention

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.functional import Box
from mmuda.models import backbones, heads, layers, necks, terms
from mmuda.models.segmentors import ScaledFeatures
from mmuda.models.views import View
from mmuda.registry import MODELS

NUM_SOURCE, NUM_TARGET, NUM_CLASSES = 3, 2, 3
BATCH = NUM_SOURCE + NUM_TARGET
ROOMS = [f'mmuda.models.{room}' for room in ('backbones', 'layers', 'necks', 'heads', 'terms')]
BASES = {'AlignmentTerm', 'Term', 'TwoDomainNorm'}
WITH_TASKS = {'SupervisedLoss', 'PseudoLabelLoss', 'CoordinationWeight', 'EntropyLoss', 'OutputAdversarial'}
"""They ask a task for all that they compute."""
WITHOUT_CASE = BASES | WITH_TASKS | {'MCDSVHNNet'}
"""The last is a larger network made of the same parts as MCDUSPSNet."""


class Case(NamedTuple):
    """A module and what it is called with; tensors may stand anywhere in the arguments."""

    module: Callable[[], nn.Module]
    args: Callable[[], tuple]
    call: str = '__call__'


def images(size: int = 8, channels: int = 8, batch: int = BATCH) -> Tensor:
    return torch.randn(batch, channels, size, size)


def levels(*sizes: int) -> list[Tensor]:
    return [images(size) for size in sizes]


def scales() -> ScaledFeatures:
    """Of images of 32 pixels, at stride 4: the context at half the size, the detail of a quarter."""
    return ScaledFeatures(tuple(levels(4, 2)), tuple(levels(4, 2)), (Box(8, 24, 16, 32),), (32, 32), covers=False)


def vectors(channels: int = 8) -> Tensor:
    return torch.randn(BATCH, channels)


def tokens() -> tuple[Tensor, tuple[int, int]]:
    return torch.randn(BATCH, 16, 8), (4, 4)


def attention(**kwargs) -> nn.Module:
    return EfficientMultiheadAttention(8, 2, qkv_bias=True, sr_ratio=2, **kwargs)


def build(kind: str, **kwargs) -> Callable[[], nn.Module]:
    return lambda: MODELS.build(dict(type=f'mmuda.{kind}', **kwargs))


def norms(name: str) -> dict[str, Case]:
    shapes = {1: (BATCH, 8), 2: (BATCH, 8, 4, 4), 3: (BATCH, 8, 2, 4, 4)}
    return {
        f'{name}{n}d': Case(lambda n=n: getattr(layers, f'{name}{n}d')(8), lambda n=n: (torch.randn(shapes[n]),))
        for n in shapes
    }


def view(count: int, features: dict, maps: bool, label: bool) -> View:
    grid, size = ((4, 4), (16, 16)) if maps else ((), ())
    return View(
        torch.randn(count, 3, 16, 16),
        {name: make(count) for name, make in features.items()},
        torch.randn(count, NUM_CLASSES, *grid),
        torch.randint(0, NUM_CLASSES, (count, *size)) if label else None,
    )


def views(maps: bool = False, target_label: bool = False, of_source: bool = False, **features) -> Callable[[], tuple]:
    """Source and target, or the source alone, with features of vectors, unless given; the step."""
    features = features or dict(neck=lambda n: (torch.randn(n, 8),))
    return lambda: (
        view(NUM_SOURCE, features, maps, True),
        *(() if of_source else (view(NUM_TARGET, features, maps, target_label),)),
        torch.tensor(500),
    )


def map_of(size: int) -> Callable[[int], Tensor]:
    return lambda count: images(size, batch=count)


class TinyStudent(nn.Module):
    """What terms attach to: an encoder, and a head of two classifiers."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 4, stride=4)
        self.head = build('TwoClassifierHead', classifier=CLASSIFIER)()


def attached(kind: str, **kwargs) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        term, student = build(kind, **kwargs)(), TinyStudent()
        term.attach(student)
        term.student = student  # so that it is converted together with the term
        return term

    return make


CLASSIFIER = dict(type='mmpretrain.LinearClsHead', num_classes=NUM_CLASSES, in_channels=8)
DIDA = dict(in_channels=8, out_channels=8, reduction=2)
SEGMENTOR_HEAD = dict(num_classes=NUM_CLASSES, norm_cfg=dict(type='BN'), align_corners=False, dropout_ratio=0)
LEVELS = dict(in_channels=[8, 8], in_index=[0, 1], channels=8, **SEGMENTOR_HEAD)
LEVEL_HEAD = dict(type='mmuda.DAFormerHead', embed_dims=8, dilations=(1,), bottleneck=False, **LEVELS)
MIT = dict(embed_dims=16, num_stages=2, num_layers=[1, 1], num_heads=[1, 1], strides=[4, 2], out_indices=(0, 1),
           patch_sizes=[7, 3], sr_ratios=[2, 1], mlp_ratio=1, drop_path_rate=0.0)  # fmt: skip
VIT = dict(arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16), img_size=16, patch_size=4)
ACDA = dict(taps=('a', 'b'), in_channels=(8, 8), channels=4, size=2)
MAPS = dict(a=map_of(8), b=map_of(4))

CASES = {
    'AttentionModule': Case(build('AttentionModule', **DIDA, attention=dict(type='CBAM')), lambda: (images(),)),
    'CBAM': Case(build('CBAM', in_channels=8), lambda: (images(),)),
    'DIDABranch': Case(
        build('DIDABranch', in_channels=8, out_channels=8, module=dict(reduction=2)), lambda: (images(),)
    ),
    'DIDAModule': Case(build('DIDAModule', **DIDA), lambda: (images(),)),
    'DIDAModule, large maps': Case(build('DIDAModule', **DIDA), lambda: (images(16),)),
    'DIDAModule, grouped': Case(build('DIDAModule', **DIDA, form='grouped'), lambda: (images(),)),
    'DIDAModule, fused': Case(build('DIDAModule', **DIDA, form='fused'), lambda: (images(),)),
    'DIDAModule, loop': Case(build('DIDAModule', **DIDA, form='loop', share_reduction=False), lambda: (images(),)),
    'AtrousConv2d': Case(
        lambda: layers.AtrousConv2d.of(nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)), lambda: (images(),)
    ),
    'PointwiseConv2d': Case(lambda: layers.PointwiseConv2d(8, 8, 1), lambda: (images(),)),
    'EfficientAttention': Case(lambda: layers.EfficientAttention(attention()), tokens),
    'GradientReversal': Case(layers.GradientReversal, lambda: (images(),)),
    'HybridAttention': Case(lambda: layers.HybridAttention(attention()), tokens),
    'HybridSelfAttention': Case(
        lambda: layers.HybridSelfAttention(MultiheadAttention(8, 2)), lambda: (torch.randn(BATCH, 17, 8),)
    ),
    'MixStyle': Case(build('MixStyle', p=1.0, mix='crossdomain'), lambda: (images(),)),
    'Projection': Case(lambda: layers.Projection(8, 4, 2, norm_cfg=dict(type='BN')), lambda: (images(),)),
    'ResidualAdapter': Case(build('ResidualAdapter', in_channels=8, out_channels=4), lambda: (images(),)),
    'SqueezeExcitation': Case(build('SqueezeExcitation', in_channels=8), lambda: (images(),)),
    'StaticModule': Case(build('StaticModule', **DIDA), lambda: (images(),)),
    **norms('AdaBN'),
    **norms('AutoDIAL'),
    **norms('DomainSpecificBatchNorm'),
    **norms('TransNorm'),
    'Bottleneck': Case(build('Bottleneck', in_channels=8, out_channels=4), lambda: (levels(8, 4),)),
    'DIDANeck': Case(
        build('DIDANeck', in_channels=8, out_channels=8, num_blocks=1, module=dict(reduction=2)),
        lambda: (levels(8, 4),),
    ),
    'DIDANeck, levels': Case(
        build('DIDANeck', in_channels=8, out_channels=8, module=dict(reduction=2), pool=False, all_levels=True),
        lambda: (levels(8, 4),),
    ),
    'DAFormerHead': Case(build('DAFormerHead', **LEVELS, embed_dims=8, dilations=(1, 2)), lambda: (levels(8, 4),)),
    'HRDAHead': Case(build('HRDAHead', head=LEVEL_HEAD, attention=LEVEL_HEAD, **SEGMENTOR_HEAD), lambda: (scales(),)),
    'DeepLabV2Head': Case(
        build('DeepLabV2Head', in_channels=8, dilations=(1, 2), **SEGMENTOR_HEAD), lambda: (levels(8),)
    ),
    'DomainDiscriminator': Case(
        build('DomainDiscriminator', in_channels=8, channels=4, dropout=0.0), lambda: (vectors(),)
    ),
    'LightweightHead': Case(
        build('LightweightHead', in_channels=64, num_classes=NUM_CLASSES, align_corners=False),
        lambda: ([images(4, 64)],),
    ),
    'MapDiscriminator': Case(build('MapDiscriminator', in_channels=8, channels=4), lambda: (images(32),)),
    'SegformerHead': Case(build('SegformerHead', **LEVELS), lambda: (levels(8, 4),)),
    'TwoClassifierHead': Case(build('TwoClassifierHead', classifier=CLASSIFIER), lambda: ((vectors(),),), 'scores'),
    'ExtendedBackbone': Case(
        build(
            'ExtendedBackbone',
            backbone=dict(type='mmuda.MCDUSPSNet'),
            beside={'stages.1': dict(type='DIDABranch', in_channels=32, out_channels=48, stride=3)},
        ),
        lambda: (images(28, 3),),
    ),
    'InceptionBN': Case(build('InceptionBN', out_indices=(0,)), lambda: (images(32, 3),)),
    'LeNet': Case(build('LeNet', dropout=False), lambda: (images(28, 3),)),
    'DTN': Case(build('DTN', dropout=False), lambda: (images(32, 3),)),
    'MCDUSPSNet': Case(build('MCDUSPSNet', norm_cfg=dict(type='BN')), lambda: (images(28, 3),)),
    'WideResNet': Case(build('WideResNet', depth=10, widen_factor=1), lambda: (images(16, 3),)),
    'MixVisionTransformer': Case(build('MixVisionTransformer', **MIT), lambda: (images(32, 3),)),
    'MHAMixVisionTransformer': Case(
        build('MHAMixVisionTransformer', **MIT, strategy='none', mha_stages=(0, 1)), lambda: (images(32, 3),)
    ),
    'VisionTransformer': Case(build('VisionTransformer', **VIT, mask_token=True), lambda: (images(16, 3),)),
    'MHAVisionTransformer': Case(build('MHAVisionTransformer', **VIT, strategy='none'), lambda: (images(16, 3),)),
    'ACDA': Case(build('ACDA', **ACDA), views(**MAPS, neck=lambda n: torch.randn(n, 8))),
    'ACDA, classes': Case(
        build('ACDA', **ACDA, condition='cdd', same_taps=('neck', 'probs')),
        views(target_label=True, **MAPS, neck=lambda n: torch.randn(n, 8)),
    ),
    'SegmentationACDA': Case(build('SegmentationACDA', **ACDA, same_taps=('b',)), views(maps=True, **MAPS)),
    'CDAN': Case(build('CDAN', in_channels=8, num_classes=NUM_CLASSES, entropy=True), views()),
    'CDAN, random': Case(build('CDAN', in_channels=8, num_classes=NUM_CLASSES, random_dim=4), views()),
    'DAN': Case(build('DAN', taps=('a', 'b')), views(**MAPS)),
    'DANN': Case(build('DANN', in_channels=8), views()),
    'FeatureDistance': Case(
        attached('FeatureDistance', classes=[1]), views(maps=True, of_source=True, backbone=map_of(4))
    ),
    'JAN': Case(build('JAN', taps=('a', 'neck')), views(a=map_of(4), neck=lambda n: torch.randn(n, 8))),
    'MCD': Case(attached('MCD'), views()),
    'MDD': Case(build('MDD', in_channels=8, num_classes=NUM_CLASSES, channels=4, dropout=0.0), views()),
}


def map_tensors(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """``value`` with every tensor in it changed, however it is nested."""
    if isinstance(value, Tensor):
        return change(value)
    if dataclasses.is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **map_tensors(change, parts))
    if isinstance(value, dict):
        return {key: map_tensors(change, item) for key, item in value.items()}
    if isinstance(value, ScaledFeatures):
        context, parts = map_tensors(change, tuple(value)), map_tensors(change, vars(value))
        return ScaledFeatures(context, **parts)
    make = getattr(value, '_make', type(value))  # of a named tuple
    return make(map_tensors(change, item) for item in value) if isinstance(value, (list, tuple)) else value


def floats(value: Any) -> list[Tensor]:
    found = []
    map_tensors(lambda x: found.append(x) if x.is_floating_point() else None, value)
    return found


def channels_last(x: Tensor) -> Tensor:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.contiguous(memory_format=formats[x.dim()]) if x.dim() in formats else x


def transposed(x: Tensor) -> Tensor:
    return x.transpose(-1, -2).contiguous().transpose(-1, -2) if x.dim() > 1 else strided(x)


def strided(x: Tensor) -> Tensor:
    """Every other value of a larger tensor."""
    return torch.stack((x, x), -1)[..., 0]


def run(case: Case, module: nn.Module, args: tuple) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, and gradients of inputs and parameters for a random weighting of the outputs; dropout draws nothing."""
    module = copy.deepcopy(module).train()
    bind_domain_context(module).set(DomainBatch(NUM_SOURCE, NUM_TARGET))
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    args = map_tensors(lambda x: x.detach().requires_grad_() if x.is_floating_point() else x, args)
    torch.manual_seed(1)
    outputs = getattr(module, case.call)(*args)
    trained = [outputs['loss']] if isinstance(outputs, dict) else floats(outputs)
    sum((x.float() * torch.randn(x.shape)).mean() for x in trained).backward()
    leaves = [*floats(args), *(p for p in module.parameters() if p.requires_grad)]
    return floats(outputs), [x.grad for x in leaves if x.grad is not None]


def test_every_part_has_a_case():
    registered = {part for part in MODELS.module_dict.values() if part.__module__.startswith(tuple(ROOMS))}
    public = {getattr(room, name) for room in (backbones, heads, layers, necks, terms) for name in room.__all__}
    modules = {part for part in public if isinstance(part, type) and issubclass(part, nn.Module)}
    functions = {part for part in registered if not isinstance(part, type)}
    names = {part.__name__ for part in (registered | modules) - functions}
    names |= {name for name, part in MODELS.module_dict.items() if part in functions}
    assert names - WITHOUT_CASE == {name.split(',')[0] for name in CASES}


@pytest.mark.parametrize('name', CASES)
def test_the_memory_layout_changes_nothing(name):
    case = CASES[name]
    module, args = case.module(), case.args()
    outputs, gradients = run(case, module, args)
    assert outputs
    assert gradients
    wide = module.to(memory_format=torch.channels_last) if '3d' not in name else module
    for layout in (channels_last, transposed, strided):
        found = run(case, wide, map_tensors(layout, args))
        torch.testing.assert_close(found, (outputs, gradients), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('dtype', [torch.bfloat16, pytest.param(torch.float16, marks=pytest.mark.slow)])
def test_mixed_precision_gives_nearly_the_same(name, dtype):
    case = CASES[name]
    module, args = case.module(), case.args()
    args = map_tensors(lambda x: x.to(dtype).float() if x.is_floating_point() else x, args)
    outputs, gradients = run(case, module, args)
    halved = map_tensors(lambda x: channels_last(x).to(dtype) if x.is_floating_point() else x, args)
    with torch.autocast('cpu', dtype):
        found, found_gradients = run(case, module.to(memory_format=torch.channels_last), halved)
    for x, wanted in zip([*found, *found_gradients], [*outputs, *gradients], strict=True):
        assert x.isfinite().all()
        assert (x.float() - wanted).norm() <= 0.2 * wanted.norm() + 0.05
