"""`AtrousConv2d` is `nn.Conv2d`, computed by sub-grids where that is faster."""

import pytest
import torch
from torch import nn

from mmuda.models.layers import AtrousConv2d, atrous_conv

DEPTHWISE = dict(in_channels=6, out_channels=6, kernel_size=3, padding=4, dilation=4, groups=6)


@pytest.fixture
def calls(monkeypatch):
    """How often sub-grids were taken."""
    seen = []
    function = atrous_conv.atrous_depthwise
    monkeypatch.setattr(atrous_conv, 'atrous_depthwise', lambda *args: seen.append(1) or function(*args))
    return seen


def maps(layout=torch.channels_last):
    torch.manual_seed(1)
    return torch.randn(2, 6, 9, 11).contiguous(memory_format=layout)


def test_it_has_the_parameters_of_a_convolution_and_draws_nothing(calls):
    conv = nn.Conv2d(**DEPTHWISE)
    state = torch.get_rng_state()
    ours = AtrousConv2d.of(conv)
    assert torch.equal(torch.get_rng_state(), state)
    assert ours.weight is conv.weight
    assert ours.bias is conv.bias
    assert ours.state_dict().keys() == conv.state_dict().keys()
    assert repr(ours) == repr(conv).replace('Conv2d', 'AtrousConv2d')
    torch.testing.assert_close(ours(maps()), conv(maps()))
    assert calls


@pytest.mark.parametrize(
    'change',
    [
        dict(groups=3),
        dict(out_channels=12),
        dict(stride=2),
        dict(dilation=1, padding=1),
        dict(dilation=(4, 2)),
        dict(kernel_size=2),
        dict(padding=3),
        dict(padding_mode='reflect'),
    ],
    ids=lambda change: '-'.join(map(str, change.items())),
)
def test_other_convolutions_are_torchs(calls, change):
    conv = nn.Conv2d(**DEPTHWISE | change)
    torch.testing.assert_close(AtrousConv2d.of(conv)(maps()), conv(maps()), rtol=0, atol=0)
    assert not calls


def test_other_layouts_and_traces_are_torchs(calls):
    conv = AtrousConv2d(**DEPTHWISE)
    torch.testing.assert_close(conv(maps(torch.contiguous_format)), nn.Conv2d.forward(conv, maps()))
    traced = torch.jit.trace(conv, maps(), check_trace=False)
    assert not calls
    torch.testing.assert_close(traced(maps()), conv(maps()))
    assert calls


def test_autocast_works_in_bfloat16(calls):
    conv = AtrousConv2d(**DEPTHWISE)
    with torch.autocast('cpu', torch.bfloat16):
        found, plain = conv(maps()), nn.Conv2d.forward(conv, maps())
    assert found.dtype == plain.dtype == torch.bfloat16
    torch.testing.assert_close(found, plain)
    found.sum().backward()
    assert conv.weight.grad.dtype == torch.float32
    assert calls
