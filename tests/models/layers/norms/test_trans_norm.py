"""TransNorm: stored vectors of the released layer, the paper's formulas typed again, switches, registration."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmuda import compat
from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import TransNorm1d, TransNorm2d, TransNorm3d
from mmuda.registry import MODELS

compat.apply()

from mmcv.cnn import build_norm_layer

VECTORS = json.loads((Path(__file__).parents[3] / 'data' / 'transnorm_vectors.json').read_text())
EPS = 1e-5


def bound(norm: nn.Module, source: int, target: int) -> nn.Module:
    bind_domain_context(norm).set(DomainBatch(source, target))
    return norm


def alpha_of(source, target, unbiased: bool):
    """Eqs. 5 and 6 for rows [n, C, m]."""
    normalized = [x.mean((0, 2)) / (x.var((0, 2), correction=int(unbiased)) + EPS).sqrt() for x in (source, target)]
    weight = 1 / (1 + (normalized[0] - normalized[1]).abs())
    return len(weight) * weight / weight.sum()


def alg_1(norm, source, target):
    """Alg. 1, for autograd: y of source and target."""
    rows = [x.reshape(*x.shape[:2], -1) for x in (source, target)]
    alpha = alpha_of(*rows, norm.unbiased)
    if norm.detach_alpha:
        alpha = alpha.detach()
    result = []
    for x, like in zip(rows, (source, target)):
        mean, var = x.mean((0, 2), keepdim=True), x.var((0, 2), correction=0, keepdim=True)
        z = norm.weight.view(-1, 1) * (x - mean) / (var + EPS).sqrt() + norm.bias.view(-1, 1)
        result.append(((1 + alpha).view(-1, 1) * z).view_as(like))
    return result


@pytest.mark.parametrize('name, kind', [('transnorm2d', TransNorm2d), ('transnorm1d', TransNorm1d)])
def test_the_released_layer(name, kind):
    stored = VECTORS[name]
    shape = stored['shape']

    def tensor(key):
        return torch.tensor(stored[key]).view(shape if len(stored[key]) > shape[1] else -1)

    norm = bound(kind(shape[1], stored['eps'], stored['momentum']), shape[0] // 2, shape[0] - shape[0] // 2)
    with torch.no_grad():
        norm.weight.copy_(tensor('weight'))
        norm.bias.copy_(tensor('bias'))
    x = tensor('input').requires_grad_()
    y = norm(x)
    (y * torch.sin(torch.arange(y.numel()).float()).view(shape)).sum().backward()
    torch.testing.assert_close(y, tensor('train_output'), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.grad, tensor('grad_of_sum_y_times_sin_index'), rtol=0, atol=1e-5)
    for buffer, values in stored['running_after_one_step'].items():
        torch.testing.assert_close(getattr(norm, buffer), torch.tensor(values), rtol=0, atol=1e-5)
    torch.testing.assert_close(norm.eval()(x), tensor('eval_output'), rtol=0, atol=1e-5)


@pytest.mark.parametrize('detach_alpha', [True, False])
@pytest.mark.parametrize('unbiased', [True, False])
@pytest.mark.parametrize(
    'kind, shape', [(TransNorm1d, ()), (TransNorm1d, (7,)), (TransNorm2d, (5, 4)), (TransNorm3d, (2, 3, 2))]
)
def test_algorithm_1_for_every_rank(kind, shape, unbiased, detach_alpha):
    """Outputs and all gradients, in float64, for domains of unequal size."""
    norm = bound(kind(6, detach_alpha=detach_alpha, unbiased=unbiased).double(), 4, 7)
    for parameter in norm.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    x = torch.randn(11, 6, *shape, dtype=torch.float64)
    x[4:] = 2 * x[4:] + torch.arange(6.0).view(-1, *[1] * len(shape))
    results = []
    for run in (norm, lambda x: torch.cat(alg_1(norm, x[:4], x[4:]))):
        leaf = x.clone().requires_grad_()
        norm.zero_grad()
        y = run(leaf)
        (y * y.cos()).sum().backward()
        results.append((y.detach(), leaf.grad, norm.weight.grad, norm.bias.grad))
    torch.testing.assert_close(results[0], results[1])


def test_equal_domains_are_twice_batch_norm():
    half = torch.randn(4, 6, 5, 5)
    plain, norm = nn.BatchNorm2d(6), bound(TransNorm2d(6), 4, 4)
    results = []
    for layer, factor in ((plain, 2), (norm, 1)):
        x = half.clone().requires_grad_()
        y = factor * layer(torch.cat((x, x)))
        (y * y.cos()).sum().backward()
        results.append((y.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())))
    torch.testing.assert_close(results[0], results[1])


def test_residual_forms_and_no_alpha():
    x = torch.randn(8, 6, 5, 5)
    x[4:] += torch.arange(6.0).view(-1, 1, 1)
    outputs = {}
    for residual in ('one_plus_alpha', 'alpha', 'none'):
        norm = bound(TransNorm2d(6, residual=residual), 4, 4)
        outputs[residual] = norm(x), norm.eval()(x)
    for full, alpha, plain in zip(*outputs.values()):
        torch.testing.assert_close(full, alpha + plain)
    ones = bound(TransNorm2d(6, distance='none'), 4, 4)
    torch.testing.assert_close(ones(x), 2 * outputs['none'][0])
    torch.testing.assert_close(ones.eval()(x), 2 * outputs['none'][1])
    assert not torch.allclose(outputs['one_plus_alpha'][0], ones(x))


def test_distances_and_probabilities_reach_the_layer():
    x = torch.randn(8, 6, 5, 5)
    x[4:] += torch.arange(6.0).view(-1, 1, 1)
    results = [
        bound(TransNorm2d(6, distance=distance, probability=probability), 4, 4)(x)
        for distance in ('normalized_mean', 'mean', 'wasserstein')
        for probability in ('student_t', 'gaussian', 'softmax')
    ]
    assert not any(torch.allclose(a, b) for i, a in enumerate(results) for b in results[:i])


def test_alpha_of_the_running_statistics():
    norm = bound(TransNorm2d(3), 4, 4)
    assert torch.equal(norm.alpha(), torch.ones(3))
    x = torch.randn(8, 3, 5, 5)
    x[4:, 2] += 3
    for _ in range(20):
        norm(x)
    assert norm.alpha().argmin() == 2
    assert norm.alpha().mean().item() == pytest.approx(1)


def test_gamma_of_the_released_layer():
    assert torch.equal(TransNorm2d(50).weight, torch.ones(50))
    weight = TransNorm2d(50, legacy_uniform_init=True).weight
    assert weight.unique().numel() == 50
    assert 0 <= weight.min() < weight.max() <= 1


@pytest.mark.parametrize(
    'options, text',
    [
        (dict(distance='l3'), "distance='l3' is unknown"),
        (dict(probability='cauchy'), "probability='cauchy' is unknown"),
        (dict(residual='two'), "residual='two' is unknown: choose one of"),
    ],
)
def test_unknown_switches_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        TransNorm2d(3, **options)


@pytest.mark.parametrize('scope', ['mmengine', 'mmseg', 'mmpretrain', 'mmuda'])
@pytest.mark.parametrize('rank', [1, 2, 3])
def test_norm_cfg_of_a_stock_config(scope, rank):
    """As `norm_cfg` builds it: named like a batch norm, so that checkpoints keep their keys."""
    with DefaultScope.overwrite_default_scope(scope):
        name, norm = build_norm_layer(dict(type=f'mmuda.TransNorm{rank}d', requires_grad=False), 4, postfix=2)
    assert name == 'bn2'
    assert type(norm) is MODELS.get(f'TransNorm{rank}d')
    assert norm.eps == 1e-5
    assert not norm.weight.requires_grad
