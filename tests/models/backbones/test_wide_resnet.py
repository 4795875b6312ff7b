"""Wide residual networks: the paper's sizes, a block typed again, outputs for necks."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytest.importorskip('mmcv')

from mmuda.models.backbones import WideResNet
from mmuda.models.backbones.wide_resnet import PreActivationBlock
from mmuda.models.necks import DIDANeck


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize('depth, width, millions', [(40, 1, 0.6), (28, 10, 36.5), (16, 8, 11.0)])
def test_sizes_of_the_paper(depth, width, millions):
    """Tables 3 and 4, with the classifier of ten classes."""
    net = WideResNet(depth, width)
    assert round((size(net) + 640 * width + 10) / 1e6, 1) == millions


def test_wrn_28_2_of_fixmatch():
    net = WideResNet()
    assert size(net) + 128 * 10 + 10 == 1_467_610
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    shortcuts = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert (len(convolutions), len(shortcuts)) == (25, 3)


def test_outputs_are_the_groups_and_the_last_is_activated():
    net = WideResNet(10, 2, out_indices=(0, 1, 2)).eval()
    maps = net(torch.randn(2, 3, 32, 32))
    assert [tuple(x.shape) for x in maps] == [(2, 32, 32, 32), (2, 64, 16, 16), (2, 128, 8, 8)]
    raw = net.groups[2](maps[1])
    torch.testing.assert_close(maps[2], F.leaky_relu(net.norm(raw), 0.1))
    assert WideResNet(10, 2, out_indices=(1, 2))(torch.randn(2, 3, 32, 32))[0].shape == (2, 64, 16, 16)


@pytest.mark.parametrize('channels, stride', [(8, 1), (12, 1), (8, 2)])
def test_a_block_as_in_the_paper(channels, stride):
    block, x = (
        PreActivationBlock(8, channels, stride, 0.1, 0.0, dict(type='BN')).double(),
        torch.randn(3, 8, 6, 6).double(),
    )
    first = F.leaky_relu(F.batch_norm(x, None, None, training=True), 0.1)
    y = F.conv2d(first, block.conv1.weight, None, stride, 1)
    y = F.conv2d(F.leaky_relu(F.batch_norm(y, None, None, training=True), 0.1), block.conv2.weight, None, 1, 1)
    path = x if channels == 8 and stride == 1 else F.conv2d(first, block.shortcut.weight, None, stride)
    torch.testing.assert_close(block(x), y + path)


def test_every_parameter_has_a_gradient_also_behind_a_branch():
    net, neck = WideResNet(10, 2, out_indices=(1, 2)), DIDANeck(64, 128, num_blocks=1)
    (out,) = neck(net(torch.randn(4, 3, 16, 16)))
    out.square().sum().backward()
    assert all(p.grad is not None for p in (*net.parameters(), *neck.parameters()))


def test_options_reach_the_layers():
    net = WideResNet(10, 1, 1, negative_slope=0.0, dropout=0.3, norm_cfg=dict(type='BN', eps=1e-3, momentum=1e-3))
    assert net(torch.randn(2, 1, 8, 8))[0].min() == 0
    assert {(m.eps, m.momentum) for m in net.modules() if isinstance(m, nn.BatchNorm2d)} == {(1e-3, 1e-3)}
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.3] * 3
    assert not [m for m in WideResNet(10).modules() if isinstance(m, nn.Dropout)]


def test_first_weights():
    net = WideResNet(10, 4)
    net.init_weights()
    weight = net.groups[2][0].conv2.weight
    assert weight.std().item() == pytest.approx((2 / 1.01 / (256 * 9)) ** 0.5, rel=0.02)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r'depth=20: give 6n \+ 4'):
        WideResNet(20)
    with pytest.raises(ValueError, match=r'out_indices=\(3,\), but its groups are 0, 1 and 2'):
        WideResNet(out_indices=(3,))
