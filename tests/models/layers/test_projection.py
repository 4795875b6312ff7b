"""Projections: the common shape from any map, the formula typed again, no parameter without a gradient."""

import copy

import pytest
import torch
from torch.nn import functional as F

pytest.importorskip('mmcv')

from mmuda.models.layers import Projection

BN = dict(type='BN')
TABLE_6 = [
    dict(num_layers=0, residual=False, pool='adaptive'),
    dict(num_layers=1, residual=False),
    dict(num_layers=3, residual=False),
    dict(num_layers=3, residual=False, pool='adaptive'),
    dict(num_layers=3),
    dict(num_layers=3, pool='adaptive'),
]


@pytest.mark.parametrize('height, width', [(28, 28), (14, 14), (7, 7), (12, 12), (6, 6), (3, 3), (4, 4), (24, 40)])
@pytest.mark.parametrize('options', TABLE_6, ids=str)
def test_any_map_gets_the_common_shape_by_the_same_module(options, height, width):
    module = Projection(6, 4, 7, norm_cfg=BN, **options)
    out = module(torch.randn(2, 6, height, width))
    assert out.shape == (2, 4, 7, 7)
    assert out.min() >= 0
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def strides(module, size, monkeypatch):
    """Of every 3×3 convolution that one pass calls."""
    calls = []

    def spy(x, weight, bias, stride, padding):
        calls.append((weight.shape[-1], stride))
        return conv2d(x, weight, bias, stride, padding)

    conv2d = F.conv2d
    with monkeypatch.context() as patch:
        patch.setattr(F, 'conv2d', spy)
        module(torch.randn(2, 2, *size))
    return [stride for kernel, stride in calls if kernel == 3], calls[-1]


@pytest.mark.parametrize(
    'size, wanted', [((28, 28), [2, 2, 1]), ((14, 14), [2, 1, 1]), ((12, 12), [1, 1, 1]), ((57, 28), [2, 2, 1])]
)
def test_strides_while_the_map_is_twice_the_size(size, wanted, monkeypatch):
    found, shortcut = strides(Projection(2, 4, 7), size, monkeypatch)
    assert found == wanted
    assert shortcut == (1, torch.tensor(wanted).prod().item())
    assert strides(Projection(2, 4, 7, pool='adaptive'), size, monkeypatch) == ([1, 1, 1], (1, 1))


def test_the_formula():
    module = Projection(3, 2, 2).double()
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    r = F.conv2d(x, module.reduce.weight).relu()
    a, b, c = (layer.weight for layer in module.layers)
    y = F.conv2d(F.conv2d(r, a, stride=2, padding=1).relu(), b, stride=2, padding=1).relu()
    y = F.conv2d(y, c, padding=1) + F.conv2d(r, module.shortcut.weight, stride=4)
    torch.testing.assert_close(module(x), F.adaptive_avg_pool2d(y.relu(), 2))


def test_a_map_that_fits_is_left_as_it_is():
    module = Projection(2, 2, 3, num_layers=0, residual=False, pool='adaptive')
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(module(x), module.reduce(x).relu())


def test_it_is_small():
    sizes = [sum(p.numel() for p in Projection(channels, norm_cfg=BN).parameters()) for channels in (512, 1024, 2048)]
    assert sizes == [32 * channels + 3 * 9 * 32 * 32 + 32 * 32 + 5 * 64 for channels in (512, 1024, 2048)]
    assert sum(sizes) < 0.21e6


def test_copies_and_state_dicts():
    module, x = Projection(3, norm_cfg=BN), torch.randn(2, 3, 28, 28)
    module(x)
    fresh = Projection(3, norm_cfg=BN)
    fresh.load_state_dict(module.state_dict())
    module.eval()
    for other in (fresh.eval(), copy.deepcopy(module)):
        assert torch.equal(other(x), module(x))


def test_what_it_refuses():
    with pytest.raises(ValueError, match=r"sees one domain only, but its norm_cfg=.*TransNorm2d.*dict\(type='BN'\)"):
        Projection(3, norm_cfg=dict(type='mmuda.TransNorm2d'))
    with pytest.raises(ValueError, match=r"pool='max' of a projection is unknown"):
        Projection(3, pool='max')
    with pytest.raises(ValueError, match=r'has size=0 and num_layers=3: give a size of 1 or more'):
        Projection(3, size=0)
    with pytest.raises(ValueError, match=r"without layers.*residual=False and pool='adaptive'"):
        Projection(3, num_layers=0)
    with pytest.raises(ValueError, match=r'has in_channels=3, but got \[1, 4, 7, 7\]: give maps \[B, 3, H, W\]'):
        Projection(3)(torch.zeros(1, 4, 7, 7))
