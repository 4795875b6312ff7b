"""The digit networks: parameters and shapes of the released ones, typed again layer by layer."""

import pytest
import torch
from torch import nn

pytest.importorskip('mmcv')

from mmuda.models.backbones import DTN, LeNet, MCDSVHNNet, MCDUSPSNet

NORMS = dict(norm_cfg=dict(type='BN'), fc_norm_cfg=dict(type='BN1d'))


def conv(a, b):
    return 25 * a * b + b


def linear(a, b):
    return a * b + b


@pytest.mark.parametrize(
    'net, channels, size, features, parameters',
    [
        (LeNet(1), 1, 28, 500, conv(1, 20) + conv(20, 50) + linear(800, 500)),
        (
            DTN(**NORMS),
            3,
            32,
            512,
            conv(3, 64) + conv(64, 128) + conv(128, 256) + linear(4096, 512) + 2 * (64 + 128 + 256 + 512),
        ),
        (MCDUSPSNet(1, **NORMS), 1, 28, 768, conv(1, 32) + conv(32, 48) + 2 * (32 + 48)),
        (
            MCDSVHNNet(**NORMS),
            3,
            32,
            3072,
            conv(3, 64) + conv(64, 64) + conv(64, 128) + linear(8192, 3072) + 2 * (64 + 64 + 128 + 3072),
        ),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else '',
)
def test_sizes(net, channels, size, features, parameters):
    (out,) = net(torch.randn(2, channels, size, size))
    assert out.shape == (2, features) == (2, net.feature_channels)
    assert sum(p.numel() for p in net.parameters()) == parameters


def test_lenet_is_its_formula():
    net = LeNet(1).eval()
    x = torch.randn(2, 1, 28, 28)
    f = nn.functional
    y = f.max_pool2d(f.conv2d(x, net.stages[0].conv.weight, net.stages[0].conv.bias), 2).relu()
    y = f.max_pool2d(f.conv2d(y, net.stages[1].conv.weight, net.stages[1].conv.bias), 2).relu()
    y = f.linear(y.flatten(1), net.linear.fc.weight, net.linear.fc.bias).relu()
    torch.testing.assert_close(net(x)[0], y)


def test_dropout_stands_where_the_released_code_has_it():
    rates = [module.p for module in DTN().modules() if isinstance(module, (nn.Dropout, nn.Dropout2d))]
    assert rates == [0.1, 0.3, 0.5, 0.5]
    assert not [module for module in DTN(dropout=False).modules() if 'Dropout' in type(module).__name__]


def test_any_norm_can_be_chosen():
    net = LeNet(1, norm_cfg=dict(type='GN', num_groups=5))
    assert [type(m).__name__ for m in net.modules() if 'Norm' in type(m).__name__] == ['GroupNorm'] * 2


def test_images_of_another_size_are_named():
    with pytest.raises(ValueError, match=r'LeNet takes images of \(1, 28, 28\).*got \(3, 32, 32\)'):
        LeNet(1)(torch.zeros(2, 3, 32, 32))
