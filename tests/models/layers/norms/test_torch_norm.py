"""The training pass in torch: the numbers of the formula in every memory format, and of many bits in few."""

import pytest
import torch
from torch import nn
from two_domain_norms import KINDS, batch, bound, trained

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import AutoDIAL2d, DomainSpecificBatchNorm2d, TransNorm2d


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def test_the_kernels_are_the_formula(kind, monkeypatch):
    norm, x = bound(kind(6)).double(), batch(dtype=torch.float64)
    fast = trained(norm, x)
    monkeypatch.setattr('mmuda.models.layers.norms.torch_norm.has_kernels', lambda x: False)
    torch.testing.assert_close(fast, trained(norm, x))


def test_gradients_are_those_of_finite_differences(kind):
    if kind is TransNorm2d:
        pytest.skip('alpha has no gradient, and finite differences see it move: compared with the formula instead')
    norm = bound(kind(3, track_running_stats=False), 2, 2).double()
    x = batch(4, 3, 2, 2, dtype=torch.float64).requires_grad_()
    names = [name for name, _ in norm.named_parameters()]

    def run(x, *parameters):
        return torch.func.functional_call(norm, dict(zip(names, parameters)), (x,))

    assert torch.autograd.gradcheck(run, (x, *norm.parameters()))


@pytest.mark.parametrize('kind', [TransNorm2d, AutoDIAL2d])
def test_memory_formats_and_strange_strides_change_nothing(kind):
    norm, x = bound(kind(6)).double(), batch(dtype=torch.float64)
    wanted = trained(norm, x)
    last = x.contiguous(memory_format=torch.channels_last)
    result = trained(norm, last)
    assert result[0].is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(result, wanted)
    torch.testing.assert_close(trained(norm, x.transpose(2, 3).contiguous().transpose(2, 3)), wanted)
    mixed = trained(norm, x, lambda net, x: net(x).contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(mixed, wanted)


@pytest.mark.parametrize('ranks', [1, 2])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('std, mean, size', [(0.01, 0, 100), (0.01, 30, 1), (1, 3, 1), (100, 0, 1e-4)])
def test_gradients_of_low_precision_are_as_good_as_batch_norms(dtype, std, mean, size, ranks, monkeypatch):
    """Small variances with large gradients, far means, small gradients: factors that float16 would not hold.

    With several processes the backward pass is put together from sums, here those of one.
    """
    x = (std * (torch.randn(8, 4, 16, 16) + mean)).to(dtype)
    grad = (size * (torch.randn(x.shape) + x.float() / std - mean)).to(dtype)

    def error(result):
        return ((result.double() - wanted).norm() / wanted.norm()).item()

    def of_two_norms(kind, x):
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(torch.cat([kind(rows) for rows in leaf.split(4)]), leaf, grad.to(x.dtype))[0]

    wanted = of_two_norms(nn.BatchNorm2d(4).double(), x.double())
    norm, leaf = DomainSpecificBatchNorm2d(4), x.clone().requires_grad_()
    bind_domain_context(norm).set(DomainBatch(4, 4))
    y = norm(leaf)
    monkeypatch.setattr('mmuda.models.layers.norms.torch_norm.num_ranks', lambda: ranks)
    (ours,) = torch.autograd.grad(y, leaf, grad)
    assert error(ours) < 3 * error(of_two_norms(nn.BatchNorm2d(4), x)) < 0.1


@pytest.mark.parametrize('mean, precision', [(0, 1e-6), (8, 1e-5), (20, 1e-6), (1000, 1e-6)])
def test_a_large_mean_costs_little_precision(mean, precision):
    norm = bound(TransNorm2d(2, momentum=1.0), 4, 4)
    x = torch.randn(8, 2, 16, 16) + mean
    norm(x)
    for domain, rows in (('source', x[:4]), ('target', x[4:])):
        wanted = rows.double().var((0, 2, 3))
        torch.testing.assert_close(norm.running_moments(domain)[1].double(), wanted, rtol=precision, atol=0)
