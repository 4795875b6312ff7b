"""The controls of DIDA-Net's tables: what they compute, how many parameters, that they take the DIDA module's place."""

import copy

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmcv')

from mmuda.models.layers import (
    CBAM,
    AttentionModule,
    DIDAModule,
    ResidualAdapter,
    SqueezeExcitation,
    StaticModule,
)

ATTENTION = (dict(type='SqueezeExcitation'), dict(type='CBAM'), dict(type='NonLocal2d'))
KINDS = {
    'static': lambda *a, **k: StaticModule(*a, **k),
    **{a['type']: lambda *args, a=a, **k: AttentionModule(*args, attention=a, **k) for a in ATTENTION},
    'adapter': lambda *a, **k: ResidualAdapter(*a, **k),
}


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('stride', [1, 2])
def test_a_control_takes_the_place_of_the_dida_module(kind, stride):
    module, x = KINDS[kind](64, 24, stride=stride), torch.randn(3, 64, 7, 6)
    y = module(x)
    assert y.shape == DIDAModule(64, 24, stride=stride)(x).shape
    y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    other = copy.deepcopy(module)
    other.init_weights()
    assert not torch.equal(next(other.parameters()), next(module.parameters()))
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(other(x), y, rtol=0, atol=0)


def test_parameters_of_the_papers_footnote():
    assert size(StaticModule(512, 512, bias=False)) == 24_864  # "~24.9 K"
    assert size(StaticModule(512, 512, bias=False, share_kernels=False)) == 25_152
    assert size(StaticModule(512, 512)) == 24_864 + 32 + 256


@pytest.mark.parametrize('share', [True, False])
@pytest.mark.parametrize('dilations', [(1, 2), (2,)])
def test_static_convolutions(dilations, share):
    module = StaticModule(8, 6, 2, dilations=dilations, stride=2, share_kernels=share).double()
    x = torch.randn(2, 8, 7, 7, dtype=torch.float64)
    feature = F.conv2d(x, module.reduce.weight, module.reduce.bias).relu()
    maps = []
    for index, dilation in enumerate(dilations):
        kernel = module.kernels[0 if share else index].weight
        maps.append(module.fuse(F.conv2d(feature, kernel, None, 2, dilation, dilation, 4)))
    torch.testing.assert_close(module(x), torch.cat(maps, 1))
    assert len(module.kernels) == (1 if share else len(dilations))


def test_a_static_instance_does_not_adapt():
    """What the table is about: the control is positively homogeneous in its input, the DIDA module is not."""
    x = torch.randn(2, 16, 6, 6)
    static, dynamic = StaticModule(16, 8, 4), DIDAModule(16, 8, 4)
    torch.testing.assert_close(static(3 * x), 3 * static(x))
    assert not torch.allclose(dynamic(3 * x), 3 * dynamic(x), rtol=0.1)


def test_squeeze_and_excitation():
    module, x = SqueezeExcitation(32, reduction=8), torch.randn(2, 32, 5, 4)
    first, _, second = module.gate
    hidden = F.linear(x.mean((2, 3)), first.weight.flatten(1), first.bias).relu()
    scale = F.linear(hidden, second.weight.flatten(1), second.bias).sigmoid()
    torch.testing.assert_close(module(x), x * scale[..., None, None])
    assert size(module) == 2 * 32 * 4 + 4 + 32


def test_cbam():
    module, x = CBAM(32, reduction=8), torch.randn(2, 32, 5, 4)
    scale = module.channel(F.adaptive_avg_pool2d(x, 1)) + module.channel(F.adaptive_max_pool2d(x, 1))
    scaled = x * scale.sigmoid()
    position = torch.stack((scaled.mean(1), scaled.max(1)[0]), 1)
    wanted = scaled * F.conv2d(position, module.spatial.weight, module.spatial.bias, padding=3).sigmoid()
    torch.testing.assert_close(module(x), wanted)


def test_attention_stands_between_the_convolutions():
    module, x = AttentionModule(64, 24, dict(type='CBAM', kernel_size=3), stride=2), torch.randn(2, 64, 7, 6)
    assert module.attention.spatial.kernel_size == (3, 3)
    wanted = F.conv2d(module.attention(module.reduce(x).relu()), module.fuse.weight, module.fuse.bias, stride=2)
    torch.testing.assert_close(module(x), wanted)


def test_self_attention_begins_as_the_identity():
    """mmcv's block keeps its own first weights: its residual is 0."""
    module, x = AttentionModule(64, 24, dict(type='NonLocal2d')), torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(module.attention(x), x)
    module.init_weights()
    torch.testing.assert_close(module.attention(x), x)


def test_a_kernel_of_two_sizes():
    with pytest.raises(ValueError, match=r'kernels of sizes \[1, 3\], which cannot be one kernel: set share_kernels'):
        StaticModule(32, 8, kernel_size=(1, 3))
    assert StaticModule(32, 8, kernel_size=(1, 3), share_kernels=False)(torch.randn(1, 32, 4, 4)).shape == (1, 8, 4, 4)
