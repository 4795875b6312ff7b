"""MMD: values of released codes, loops over pairs in float64, and what must hold for any kernel."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from mmuda.functional import joint_mmd, multi_kernel_mmd
from mmuda.functional.mmd import gaussian_kernels

VECTORS = json.loads((Path(__file__).parents[1] / 'data' / 'mmd_vectors.json').read_text())


@pytest.fixture
def domains():
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(5, 2, 3, generator=generator, dtype=torch.float64)
    return source, 0.5 + torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)


def loop(source, target, num_kernels=5, multiplier=2.0, estimator='biased', reduction='mean', bandwidth=None):
    """Eq. 3 and its relatives, pair by pair."""
    samples = [x.flatten() for x in (*source, *target)]
    total, n = len(samples), len(source)
    distance = [[((a - b) ** 2).sum().item() for b in samples] for a in samples]
    centre = bandwidth or sum(map(sum, distance)) / (total * total - total)
    gammas = [centre * multiplier ** (u - num_kernels // 2) for u in range(num_kernels)]
    beta = 1 / num_kernels if reduction == 'mean' else 1

    def mean(rows, columns, diagonal=True):
        pairs = [(i, j) for i in rows for j in columns if diagonal or i != j]
        kernels = [sum(beta * torch.exp(torch.tensor(-distance[i][j] / g)).item() for g in gammas) for i, j in pairs]
        return sum(kernels) / len(kernels)

    s, t = range(n), range(n, total)
    if estimator == 'linear':
        ring = list(pairwise([*range(n), 0]))
        return (
            sum(mean([i], [j]) + mean([i + n], [j + n]) - mean([i], [j + n]) - mean([j], [i + n]) for i, j in ring) / n
        )
    diagonal = estimator == 'biased'
    return mean(s, s, diagonal) + mean(t, t, diagonal) - 2 * mean(s, t)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
@pytest.mark.parametrize('kernels', [dict(), dict(num_kernels=4, multiplier=3.0), dict(num_kernels=1, bandwidth=2.5)])
@pytest.mark.parametrize('estimator', ['biased', 'unbiased', 'linear'])
def test_it_is_the_loop_over_pairs(domains, estimator, kernels, reduction):
    source, target = domains
    source = source[: len(target)] if estimator == 'linear' else source
    found = multi_kernel_mmd(source, target, estimator=estimator, reduction=reduction, **kernels)
    expected = loop(source, target, estimator=estimator, reduction=reduction, **kernels)
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_released_codes_values():
    can, xlearn = VECTORS['cdd_can'], VECTORS['mkmmd_xlearn']
    source, target = (torch.tensor(can[name]).view(can[f'{name}_shape']) for name in ('source', 'target'))
    # CAN's kernels of a sample with itself are exp(−1e-5), five of them: its distances stop at 1e-5.
    lost = 5 * 1e-5 * (1 / len(source) + 1 / len(target))
    found = multi_kernel_mmd(source, target, reduction='sum').item()
    assert found - lost == pytest.approx(VECTORS['mkmmd_can_biased'], abs=2e-6)
    source, target = (torch.tensor(xlearn[name]).view(xlearn['shape']) for name in ('source', 'target'))
    for estimator, key in (('unbiased', 'batch_unbiased'), ('linear', 'linear')):
        found = multi_kernel_mmd(source, target, reduction='sum', estimator=estimator)
        assert found.item() == pytest.approx(xlearn[key], abs=1e-5)


def test_equal_domains_have_no_distance_and_it_never_is_negative(domains):
    source, _ = domains
    assert multi_kernel_mmd(source, source.clone()).item() == pytest.approx(0, abs=1e-12)
    for seed in range(20):
        x = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed))
        assert multi_kernel_mmd(x, x.flip(0) + 1e-6) >= 0


def test_far_away_and_alike_samples_stay_finite():
    x = torch.randn(4, 8) + 1e4
    shifted = multi_kernel_mmd(x, x + 1)
    torch.testing.assert_close(shifted, multi_kernel_mmd(x - 1e4, x - 1e4 + 1), rtol=1e-2, atol=1e-3)
    ones = torch.ones(3, 2, requires_grad=True)
    value = multi_kernel_mmd(ones, torch.ones(3, 2))
    value.backward()
    assert value.item() == 0
    assert torch.equal(ones.grad, torch.zeros(3, 2))


def test_the_bandwidth_has_no_gradient(domains):
    """With the bandwidth as a constant the gradient is the same."""
    source, target = domains
    joint = torch.cat((source, target)).flatten(1)
    centre = torch.cdist(joint, joint).square().sum() / (81 - 9)
    gradients = []
    for bandwidth in (None, centre):
        leaf = source.clone().requires_grad_()
        multi_kernel_mmd(leaf, target, bandwidth=bandwidth).backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize('estimator', ['biased', 'unbiased', 'linear'])
def test_gradcheck(domains, estimator):
    source, target = (x[:4].clone().requires_grad_() for x in domains)
    assert torch.autograd.gradcheck(
        lambda s, t: multi_kernel_mmd(s, t, bandwidth=3.0, estimator=estimator), (source, target)
    )


def test_joint_mmd_multiplies_the_layers_kernels(domains):
    source, target = domains
    other_s, other_t = source.cos().flatten(1), target.cos().flatten(1)
    one = joint_mmd([source], [target])
    assert one.item() == pytest.approx(multi_kernel_mmd(source, target).item())
    constant = joint_mmd([source, torch.zeros(5, 1).double()], [target, torch.zeros(4, 1).double()])
    assert constant.item() == pytest.approx(one.item())  # a layer that tells nothing apart has the kernel 1
    kernels = [joint_kernel(*pair) for pair in ((source, target), (other_s, other_t))]
    product = kernels[0] * kernels[1]
    expected = product[:5, :5].mean() + product[5:, 5:].mean() - 2 * product[:5, 5:].mean()
    torch.testing.assert_close(joint_mmd([source, other_s], [target, other_t]), expected)


def test_joint_mmd_takes_kernels_and_bandwidths_of_each_layer(domains):
    source, target = domains
    other_s, other_t = source.cos().flatten(1), target.cos().flatten(1)
    joint = torch.cat((other_s, other_t))
    kernel = joint_kernel(source, target) * torch.exp(-torch.cdist(joint, joint).square() / 1.68)
    expected = kernel[:5, :5].mean() + kernel[5:, 5:].mean() - 2 * kernel[:5, 5:].mean()
    layers = [source, other_s], [target, other_t]
    found = joint_mmd(*layers, num_kernels=(5, 1), bandwidths=(None, 1.68))
    torch.testing.assert_close(found, expected)
    assert found != joint_mmd(*layers)
    with pytest.raises(ValueError, match='shorter'):
        joint_mmd(*layers, bandwidths=(None,))
    with pytest.raises(ValueError, match='num_kernels=0'):
        joint_mmd(*layers, num_kernels=(5, 0))


def joint_kernel(source, target):
    joint = torch.cat((source, target)).flatten(1)
    distance = (joint[:, None] - joint).square().sum(-1)
    centre = distance.sum() / (81 - 9)
    return sum(torch.exp(-distance / (centre * 2.0**u)) for u in range(-2, 3)) / 5


def test_mixed_precision_works_in_float32():
    x, y = torch.randn(6, 16), torch.randn(5, 16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = multi_kernel_mmd(x, y)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, multi_kernel_mmd(x, y))
    assert multi_kernel_mmd(x.bfloat16(), y.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    'shapes, options, message',
    [
        (((3, 4), (3, 5)), dict(), r'source sample is \[4\] and a target sample \[5\]: project both'),
        (((3, 4), (1, 4)), dict(estimator='unbiased'), r'unbiased estimator of MMD needs 2 samples .* 1 target'),
        (((3, 4), (0, 4)), dict(), r'biased estimator of MMD needs 1 samples .* 0 target'),
        (((3, 4), (4, 4)), dict(estimator='linear'), r'got 3 source and 4 target: use'),
        (((3, 4), (3, 4)), dict(estimator='exact'), r"estimator='exact' is unknown: choose one of \['biased'"),
        (((3, 4), (3, 4)), dict(reduction='max'), r"reduction='max' of the kernels is unknown"),
        (((3, 4), (3, 4)), dict(num_kernels=0), r'num_kernels=0 and multiplier=2.0: give one kernel or more'),
    ],
)
def test_what_it_refuses(shapes, options, message):
    with pytest.raises(ValueError, match=message):
        multi_kernel_mmd(*(torch.zeros(shape) for shape in shapes), **options)


def test_a_bandwidth_divides(domains):
    for bandwidth in (0, -1.0):
        with pytest.raises(ValueError, match=f'bandwidth={bandwidth} divides squared distances'):
            multi_kernel_mmd(*domains, bandwidth=bandwidth)


@pytest.mark.parametrize('multiplier', [2.0, 3.0])
def test_the_sum_of_kernels_and_its_gradient(multiplier):
    """Against autograd of the sum as written, twice; what is kept does not grow with the number of kernels."""
    x = (5 * torch.rand(4, 6, dtype=torch.float64)).requires_grad_()
    written = sum(torch.exp(-x / (0.7 * multiplier**u)) for u in (-2, -1, 0, 1, 2))
    kernels = gaussian_kernels(x, 0.7, 5, multiplier, 'sum')
    torch.testing.assert_close(kernels, written)
    weight = torch.randn_like(written)
    (wanted,) = torch.autograd.grad(written, x, weight)
    torch.testing.assert_close(torch.autograd.grad(kernels, x, weight, retain_graph=True)[0], wanted)
    assert len(kernels.grad_fn.saved_tensors) == 2
    assert torch.autograd.gradgradcheck(lambda x: gaussian_kernels(x, 0.7, 5, multiplier, 'sum'), x)
