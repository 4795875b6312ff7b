"""`PointwiseConv2d` is `nn.Conv2d` of 1×1 filters; `make_pointwise` finds them in a network."""

import pytest
import torch
from torch import nn

from mmuda.models.layers import PointwiseConv2d, make_pointwise, pointwise_conv


@pytest.fixture
def calls(monkeypatch):
    """How often `pointwise_conv` was taken."""
    seen = []
    function = pointwise_conv.pointwise_conv
    monkeypatch.setattr(pointwise_conv, 'pointwise_conv', lambda *args: seen.append(1) or function(*args))
    return seen


@pytest.mark.parametrize('bias', [True, False])
def test_it_has_the_parameters_of_a_convolution_and_draws_nothing(calls, bias):
    conv = nn.Conv2d(4, 3, 1, bias=bias).requires_grad_(False)
    state = torch.get_rng_state()
    ours = PointwiseConv2d.of(conv)
    assert torch.equal(torch.get_rng_state(), state)
    assert ours.weight is conv.weight
    assert ours.bias is conv.bias
    x = torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(ours(x), conv(x))
    assert calls


def test_in_evaluation_it_is_torchs_unless_asked_otherwise(calls):
    conv = nn.Conv2d(4, 3, 1).eval()
    ours, x = PointwiseConv2d.of(conv), torch.randn(2, 4, 5, 6)
    assert not ours.training
    torch.testing.assert_close(ours(x), conv(x), rtol=0, atol=0)
    assert not calls
    ours.exact = False
    torch.testing.assert_close(ours(x), conv(x))
    assert calls


class Normed(nn.Conv2d):
    pass


def test_a_networks_plain_convolutions_are_replaced_and_no_others():
    plain = nn.Conv2d(4, 4, 1)
    others = [
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 4, 1, stride=2),
        nn.Conv2d(4, 4, 1, groups=2),
        nn.Conv2d(4, 4, 1, padding=1),
        nn.Conv2d(4, 4, 1, padding='valid'),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1)),
        Normed(4, 4, 1),
        nn.Conv1d(4, 4, 1),
    ]
    net = nn.Sequential(nn.Sequential(plain), *others)
    names = list(net.state_dict())
    make_pointwise(net)
    assert type(net[0][0]) is PointwiseConv2d
    assert net[0][0].weight is plain.weight
    assert list(net[1:]) == others
    assert list(net.state_dict()) == names
