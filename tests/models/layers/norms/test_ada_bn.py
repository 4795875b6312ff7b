"""AdaBN trains as batch norm, and evaluates with statistics of the target."""

import copy

import pytest
import torch
from torch import nn
from two_domain_norms import BATCH_NORMS, SHAPES, batch, bound, gradient

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import AdaBN1d, AdaBN2d, AdaBN3d, DomainSpecificBatchNorm2d, adapting
from mmuda.registry import MODELS

ADA = {1: AdaBN1d, 2: AdaBN2d, 3: AdaBN3d}


@pytest.mark.parametrize('rank', [1, 2, 3])
def test_adabn_trains_as_batch_norm_and_evaluates_with_the_target(rank):
    norm, plain = bound(ADA[rank](4).double(), 3, 5), BATCH_NORMS[rank](4).double()
    plain.weight.data, plain.bias.data = norm.weight.data, norm.bias.data
    x = batch(8, 4, *SHAPES[rank], dtype=torch.float64, source=3).requires_grad_()
    y, wanted = norm(x), plain(x)
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(gradient(y, x), gradient(wanted, x))
    target = copy.deepcopy(plain)
    target.reset_running_stats()
    target(x[3:])
    torch.testing.assert_close(norm.eval()(x), target.eval()(x))


def two_layers(norm) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(norm(3), nn.ReLU(), nn.Conv2d(3, 4, 1), norm(4)).double()


def test_adapting_gives_each_layer_what_it_sees_of_the_target():
    """Batches work on their own statistics, layer by layer; statistics of training rows are not that."""
    net, twin = two_layers(AdaBN2d), two_layers(nn.BatchNorm2d)
    batches = [3 * torch.randn(6, 3, 5, 5, dtype=torch.float64) - 1 for _ in range(4)]
    bind_domain_context(net).set(DomainBatch(3, 3))
    net(torch.cat((batches[0][:3] + 5, batches[0][3:])))  # training left other statistics
    expected = [twin(x) for x in batches]
    net.eval()
    before = net(batches[0])
    with adapting(net) as count:
        found = [net(x) for x in batches]
    assert count == 2
    torch.testing.assert_close(found, expected)
    assert (net(batches[0]) - before).abs().max() > 0.1


@pytest.mark.parametrize('sizes', [(2, 2, 2), (1, 4, 1), (5,)])
@pytest.mark.parametrize('rank', [1, 2, 3])
def test_adapting_takes_the_statistics_of_all_values(rank, sizes):
    """The paper's Eq. 2: what lies between the batches is variance, too, whatever their sizes."""
    norm = ADA[rank](3).double().eval()
    batches = [torch.randn(n, 3, *(SHAPES[rank] or (2,)), dtype=torch.float64) for n in sizes]
    batches = [x + 5 * number for number, x in enumerate(batches)]
    with adapting(norm):
        for x in batches:
            norm(x)
    values = torch.cat(batches).transpose(0, 1).flatten(1)
    mean, var = norm.running_moments('target')
    torch.testing.assert_close((mean, var), (values.mean(1), values.var(1)))


def test_adapting_refuses_a_batch_without_variance():
    norm = AdaBN1d(3).eval()
    with adapting(norm), pytest.raises(ValueError, match='AdaBN1d takes statistics of a batch of one value'):
        norm(torch.randn(1, 3))


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
    norm = bound(AdaBN2d(4, affine=False, train_on='source').double(), 3, 5)
    x = batch(8, 4, 4, 5, dtype=torch.float64, source=3)
    mean, std = x[:3].mean((0, 2, 3), keepdim=True), (x[:3].var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x), (x - mean) / std)
    with pytest.raises(ValueError, match="train_on='target' is unknown"):
        AdaBN2d(4, train_on='target')


@pytest.mark.parametrize('rank', [1, 2, 3])
def test_registered(rank):
    assert MODELS.get(f'mmuda.AdaBN{rank}d') is ADA[rank]
