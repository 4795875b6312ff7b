"""Domain-specific batch norm and AdaBN are batch norms on other rows."""

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import (
    AdaBN1d,
    AdaBN2d,
    AdaBN3d,
    DomainSpecificBatchNorm1d,
    DomainSpecificBatchNorm2d,
    DomainSpecificBatchNorm3d,
    adapting,
)
from mmuda.registry import MODELS

SHAPES = {1: (7,), 2: (4, 5), 3: (2, 3, 2)}
BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
SPECIFIC = {1: DomainSpecificBatchNorm1d, 2: DomainSpecificBatchNorm2d, 3: DomainSpecificBatchNorm3d}
ADA = {1: AdaBN1d, 2: AdaBN2d, 3: AdaBN3d}


def bound(norm):
    bind_domain_context(norm).set(DomainBatch(3, 5))
    return norm.double()


def batch(rank):
    x = torch.randn(8, 4, *SHAPES[rank], dtype=torch.float64)
    return torch.cat((x[:3], 2 * x[3:] + 1)).requires_grad_()


def gradient(y, x):
    return torch.autograd.grad((y * y.cos()).sum(), x)[0]


@pytest.mark.parametrize('rank', [1, 2, 3])
def test_domain_specific_is_one_batch_norm_for_each_domain(rank):
    norm, x = bound(SPECIFIC[rank](4)), batch(rank)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    twins = [BATCH_NORMS[rank](4).double() for _ in range(2)]
    for domain, twin in enumerate(twins):
        twin.weight.data, twin.bias.data = norm.weight.data[domain], norm.bias.data[domain]
    y, wanted = norm(x), torch.cat([twin(rows) for twin, rows in zip(twins, (x[:3], x[3:]))])
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(gradient(y, x), gradient(wanted, x))
    for domain, twin in zip(('source', 'target'), twins):
        norm.eval_domain = domain
        torch.testing.assert_close(norm.eval()(x), twin.eval()(x))


def test_both_domains_start_from_a_loaded_affine_map():
    plain, norm = nn.BatchNorm2d(4), DomainSpecificBatchNorm2d(4)
    nn.init.uniform_(plain.weight)
    norm.load_state_dict(plain.state_dict())
    assert torch.equal(norm.weight, plain.weight.expand(2, 4))
    untracked = DomainSpecificBatchNorm2d(4, track_running_stats=False)
    untracked.load_state_dict(nn.BatchNorm2d(4, track_running_stats=False).state_dict())


@pytest.mark.parametrize('rank', [1, 2, 3])
def test_adabn_trains_as_batch_norm_and_evaluates_with_the_target(rank):
    norm, plain, x = bound(ADA[rank](4)), BATCH_NORMS[rank](4).double(), batch(rank)
    y, wanted = norm(x), plain(x)
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(gradient(y, x), gradient(wanted, x))
    target = BATCH_NORMS[rank](4).double()
    target(x[3:])
    torch.testing.assert_close(norm.eval()(x), target.eval()(x))


def two_layers(norm) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(norm(3), nn.ReLU(), nn.Conv2d(3, 4, 1), norm(4)).double()


def test_adapting_gives_each_layer_what_it_sees_of_the_target():
    """As batch norms that work on the target's batches, layer by layer; statistics of training rows are not that."""
    net, twin = two_layers(AdaBN2d), two_layers(nn.BatchNorm2d)
    batches = [3 * torch.randn(6, 3, 5, 5, dtype=torch.float64) - 1 for _ in range(4)]
    bind_domain_context(net).set(DomainBatch(3, 3))
    net(torch.cat((batches[0][:3] + 5, batches[0][3:])))  # training left other statistics
    for norm in (twin[0], twin[3]):
        norm.momentum = None
    expected = [twin(x) for x in batches]
    net.eval()
    before = net(batches[0])
    with adapting(net) as count:
        found = [net(x) for x in batches]
    assert count == 2
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(net(batches[0]), twin.eval()(batches[0]))
    assert (net(batches[0]) - before).abs().max() > 0.1


def test_adapting_ends_with_its_block():
    net = two_layers(AdaBN2d).eval()
    with pytest.raises(RuntimeError, match='stop'), adapting(net):
        raise RuntimeError('stop')
    statistics = net[0].running_mean_target.clone()
    net(torch.randn(2, 3, 5, 5, dtype=torch.float64))
    assert torch.equal(net[0].running_mean_target, statistics)
    with adapting(two_layers(DomainSpecificBatchNorm2d)) as count:
        assert count == 0


def test_adabn_on_the_source_alone():
    norm, x = bound(AdaBN2d(4, train_on='source')), batch(2)
    mean, std = x[:3].mean((0, 2, 3), keepdim=True), (x[:3].var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x), (x - mean) / std)
    with pytest.raises(ValueError, match="train_on='target' is unknown"):
        AdaBN2d(4, train_on='target')


@pytest.mark.parametrize('name', ['DomainSpecificBatchNorm', 'AdaBN'])
@pytest.mark.parametrize('rank', [1, 2, 3])
def test_registered(name, rank):
    assert MODELS.get(f'mmuda.{name}{rank}d') is (SPECIFIC if name == 'DomainSpecificBatchNorm' else ADA)[rank]
