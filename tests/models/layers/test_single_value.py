"""Batch norms that get one value a channel while a network labels one image."""

import pytest
import torch
from torch import nn

from mmuda.models.layers.single_value import single_values_by_running


def network(norm):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), norm)


@pytest.mark.parametrize('norm', [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_one_value_is_normalised_by_running_statistics(norm):
    net = network(norm(3))
    net[1].running_mean.fill_(0.5)
    x = torch.randn(1, 3, 4, 4)
    handles = single_values_by_running(net)
    torch.testing.assert_close(net(x), (x.mean((2, 3), keepdim=True) - 0.5) / (1 + net[1].eps) ** 0.5)
    assert net[1].training
    assert not net[1]._forward_hooks
    assert (net[1].running_mean == 0.5).all()
    if norm is nn.BatchNorm2d:
        net(torch.randn(2, 3, 4, 4))  # two values have a variance
        assert (net[1].running_mean != 0.5).all()
    for handle in handles:
        handle.remove()
    with pytest.raises(ValueError, match='more than 1 value'):
        net(x)
