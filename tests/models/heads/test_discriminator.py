"""The discriminator's shape, size and first weights."""

import pytest
import torch

from mmuda.models.heads import DomainDiscriminator


def test_layers_of_the_official_network():
    net = DomainDiscriminator(256 * 31)
    sizes = [256 * 31 * 1024 + 1024, 1024 * 1024 + 1024, 1024 + 1]
    assert sum(p.numel() for p in net.parameters()) == sum(sizes)
    assert [type(layer).__name__ for layer in net] == ['Linear', 'ReLU', 'Dropout'] * 2 + ['Linear']
    assert {layer.p for layer in net if isinstance(layer, torch.nn.Dropout)} == {0.5}
    assert net(torch.randn(3, 256 * 31)).shape == (3,)


def test_first_weights():
    net = DomainDiscriminator(400, channels=600)
    assert net[0].weight.std().item() == pytest.approx((2 / 1000) ** 0.5, rel=0.02)
    assert (net[0].bias == 0).all()


def test_width_and_depth_can_be_chosen():
    net = DomainDiscriminator(8, channels=4, num_hidden=1, dropout=0.0)
    assert [p.shape for p in net.parameters()] == [(4, 8), (4,), (1, 4), (1,)]
    assert [p.shape for p in DomainDiscriminator(8, num_hidden=0).parameters()] == [(1, 8), (1,)]
