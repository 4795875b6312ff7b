"""The branch beside a stage: its blocks, the released parameter counts, which module it is made of."""

import pytest
import torch
from torch import nn

pytest.importorskip('mmcv')

from mmuda.models.layers import DIDABranch, DIDAModule, StaticModule
from mmuda.models.layers.dida_branch import add_residual


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_blocks_are_module_norm_relu():
    branch, x = DIDABranch(32, 64, num_blocks=2, stride=2), torch.randn(4, 32, 8, 8)
    y = x
    for module, norm, _ in branch.blocks:
        y = nn.functional.batch_norm(module(y), None, None, norm.weight, norm.bias, training=True).relu()
    torch.testing.assert_close(branch(x), y)
    assert y.shape == (4, 64, 4, 4)
    assert [type(layer) for layer in branch.blocks[0]] == [DIDAModule, nn.BatchNorm2d, nn.ReLU]


def test_a_widening_convolution_ends_each_block():
    branch, x = DIDABranch(32, 64, num_blocks=3, stride=2, mid_channels=16), torch.randn(4, 32, 8, 8)
    assert [block[0].in_channels for block in branch.blocks] == [32, 64, 64]
    assert [block[0].stride for block in branch.blocks] == [2, 1, 1]
    assert [tuple(block[3].weight.shape) for block in branch.blocks] == [(64, 16, 1, 1)] * 3
    assert branch(x).shape == (4, 64, 4, 4)
    assert branch(x).min() == 0


def test_parameters_of_the_released_networks():
    """Without the down-sampling layers that the released code makes and does not use."""
    assert size(DIDABranch(256, 512, 2, 2)) == 35_456  # ResNet-18
    unused = 1024 * 2048 + 2 * 2048
    assert size(DIDABranch(1024, 2048, 3, 2, mid_channels=512)) == 5_935_288 - unused  # ResNet-50 and 101


def test_other_modules_and_norms():
    branch = DIDABranch(
        32, 64, 2, module=dict(type='StaticModule', dilations=(2,)), norm_cfg=dict(type='GN', num_groups=4)
    )
    assert [type(layer) for layer in branch.blocks[1]] == [StaticModule, nn.GroupNorm, nn.ReLU]
    assert branch.blocks[1][0].dilations == (2,)
    assert DIDABranch(32, 64, module=dict(reduction=8)).blocks[0][0].reduce.out_channels == 4


def test_every_parameter_has_a_gradient():
    branch = DIDABranch(32, 64, 2, 2, mid_channels=16)
    branch(torch.randn(4, 32, 8, 8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in branch.parameters())


def test_what_does_not_fit():
    with pytest.raises(ValueError, match='num_blocks=0: give the number of blocks'):
        DIDABranch(32, 64, 0)
    with pytest.raises(ValueError, match=r'A branch gives \[2, 64, 8, 8\].*beside it gives \[2, 64, 4, 4\]: set'):
        add_residual(torch.zeros(2, 64, 4, 4), DIDABranch(32, 64)(torch.zeros(2, 32, 8, 8)))
