"""AutoDIAL: its two ends, the mixture between them, and the bounds of the learned share."""

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import AutoDIAL1d, AutoDIAL2d, AutoDIAL3d, DomainSpecificBatchNorm2d
from mmuda.registry import MODELS


def bound(norm, source=4, target=4):
    bind_domain_context(norm).set(DomainBatch(source, target))
    return norm.double()


@pytest.fixture
def x():
    x = torch.randn(8, 3, 4, 5, dtype=torch.float64)
    return torch.cat((x[:4], 2 * x[4:] + 1))


def test_at_one_the_domains_are_apart(x):
    torch.testing.assert_close(bound(AutoDIAL2d(3))(x), bound(DomainSpecificBatchNorm2d(3))(x))


def test_at_one_half_they_share_the_joint_batch(x):
    torch.testing.assert_close(bound(AutoDIAL2d(3, initial=0.5))(x), nn.BatchNorm2d(3).double()(x))


def test_the_moments_in_between_are_those_of_repeated_rows(x):
    """A share of ¾ counts every row of the own domain three times."""
    y = bound(AutoDIAL2d(3, initial=0.75))(x)
    for own, other, result in ((x[:4], x[4:], y[:4]), (x[4:], x[:4], y[4:])):
        wanted = nn.BatchNorm2d(3).double()(torch.cat((own, own, own, other)))
        torch.testing.assert_close(result, wanted[:4])


def test_evaluation_mixes_the_running_statistics(x):
    norm = bound(AutoDIAL2d(3, initial=0.75, momentum=1.0))
    norm(x)
    (mean_t, var_t), (mean_s, var_s) = norm.running_moments('target'), norm.running_moments('source')
    mean = 0.75 * mean_t + 0.25 * mean_s
    var = 0.75 * var_t + 0.25 * var_s + 0.75 * 0.25 * (mean_t - mean_s) ** 2
    wanted = (x - mean.view(-1, 1, 1)) / (var + 1e-5).sqrt().view(-1, 1, 1)
    torch.testing.assert_close(norm.eval()(x), wanted)


@pytest.mark.parametrize('bound_, inwards', [(1.0, 1), (0.5, -1)])
def test_the_share_comes_back_from_its_bounds(bound_, inwards):
    """A clamp's gradient would be 0 outside for ever."""
    norm = AutoDIAL2d(3)
    for value in (bound_, bound_ + 0.1 * inwards):  # at the bound, and where a large step left it
        norm.mixing.data.fill_(value)
        assert norm.share().item() == pytest.approx(bound_)
        for sign in (1, -1):
            (gradient,) = torch.autograd.grad(sign * norm.share(), norm.mixing)
            assert gradient.item() == (sign if sign == inwards else 0)


def test_the_share_is_learned(x):
    norm = bound(AutoDIAL2d(3, initial=0.75))
    norm(x).cos().sum().backward()
    assert norm.mixing.grad.abs() > 0
    with pytest.raises(ValueError, match=r'initial=0\.3 is no share of the own domain: choose one from 0\.5 to 1'):
        AutoDIAL2d(3, initial=0.3)


def test_registered():
    for rank, kind in enumerate((AutoDIAL1d, AutoDIAL2d, AutoDIAL3d), 1):
        assert MODELS.get(f'mmuda.AutoDIAL{rank}d') is kind
