"""The discriminators' shape, size and first weights; the released one of maps by its vector."""

import json

import pytest
import torch

from mmuda.functional import domain_loss
from mmuda.functional.domain_loss import SOURCE, TARGET
from mmuda.models.heads import DomainDiscriminator, MapDiscriminator


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


def test_the_released_map_discriminator(repo):
    """Weights, input and outputs of AdaptSegNet's network, by the formulas of the stored vector."""
    vector = json.loads((repo / 'tests/data/segmentation_vectors.json').read_text())['adaptsegnet.discriminator']
    net = MapDiscriminator(3, channels=2)
    count = sum(p.numel() for p in net.parameters())
    assert count == vector['outputs']['n_params']
    values = 0.2 * torch.sin(0.9 * torch.arange(count, dtype=torch.float64)).float()
    torch.nn.utils.vector_to_parameters(values, net.parameters())
    i = torch.arange(3 * 64 * 64, dtype=torch.float64)
    maps = (
        (2 * torch.sin(0.31 * i) + 0.6 * torch.cos(1.3 * 0.31 * i * i / len(i))).view(1, 3, 64, 64).float().softmax(1)
    )
    out = net(maps)
    torch.testing.assert_close(out, torch.tensor(vector['outputs']['out']), atol=1e-5, rtol=0)
    for name, domain, kind in (
        ('bce_source0', SOURCE, 'vanilla'),
        ('bce_target1', TARGET, 'vanilla'),
        ('lsgan_source0', SOURCE, 'least_squares'),
        ('lsgan_target1', TARGET, 'least_squares'),
    ):
        assert domain_loss(out, domain, kind).item() == pytest.approx(vector['outputs'][name], abs=1e-5)


def test_maps_that_are_too_small():
    with pytest.raises(ValueError, match='halves its input five times, and the maps have 16×64 pixels'):
        MapDiscriminator(3)(torch.zeros(1, 3, 16, 64))
