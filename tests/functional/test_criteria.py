"""Criteria without labels: each formula typed again in float64, the ends of its scale, and what must not change it."""

import math

import numpy as np
import pytest
import torch

from mmuda.functional import (
    batch_nuclear_norm,
    class_correlation,
    deep_embedded_validation,
    density_ratio,
    mean_entropy,
    mutual_information,
    soft_neighbourhood_density,
)


def typed_entropy(p):
    return np.mean([-sum(x * math.log(x) for x in row if x > 0) for row in p]) / math.log(p.shape[1])


def typed_snd(p, temperature=0.05):
    f = p / np.sqrt((p**2).sum(1, keepdims=True))
    total = 0.0
    for i in range(len(f)):
        e = np.array([math.exp(f[i] @ f[j] / temperature) for j in range(len(f)) if j != i])
        total -= sum(x * math.log(x) for x in e / e.sum())
    return total / len(f)


TYPED = {
    mean_entropy: typed_entropy,
    mutual_information: lambda p: typed_entropy(p.mean(0)[None]) - typed_entropy(p),
    soft_neighbourhood_density: typed_snd,
    batch_nuclear_norm: lambda p: np.linalg.svd(p)[1].sum() / math.sqrt(len(p) * min(p.shape)),
    class_correlation: lambda p: np.trace(p.T @ p) / np.sqrt(p.shape[1] * ((p.T @ p) ** 2).sum()),
}
ALL = pytest.mark.parametrize('criterion', TYPED, ids=lambda function: function.__name__)


def predictions(count=23, classes=5):
    return (3 * torch.randn(count, classes, dtype=torch.float64)).softmax(1)


@ALL
def test_the_formula_typed_again(criterion):
    for p in (predictions(), predictions(3, 7)):
        assert criterion(p).item() == pytest.approx(TYPED[criterion](p.numpy()), rel=1e-9)


@ALL
def test_neither_the_order_of_samples_nor_of_classes_counts(criterion):
    p = predictions()
    shuffled = p[torch.randperm(len(p))][:, torch.randperm(p.shape[1])]
    torch.testing.assert_close(criterion(shuffled), criterion(p))


@ALL
def test_a_sure_and_balanced_model_is_better_than_one_without_an_opinion(criterion):
    sure, unsure = torch.eye(4).repeat(3, 1), torch.full((12, 4), 0.25)
    better, worse = criterion(sure), criterion(unsure)
    if criterion is mean_entropy:
        assert (better, worse) == (0, 1)
    elif criterion is soft_neighbourhood_density:  # many alike, in the first in each class, in the second over all
        assert (better.exp().item(), worse.exp().item()) == (pytest.approx(2, rel=1e-3), pytest.approx(11))
    else:
        assert better.item() == pytest.approx(1)
        assert worse.item() < 0.6


@ALL
def test_one_sample_and_one_class_have_a_value(criterion):
    assert criterion(predictions(1)).isfinite()
    assert criterion(torch.ones(5, 1)).isfinite()


@pytest.mark.parametrize('criterion', [mean_entropy, mutual_information, class_correlation])
def test_gradients(criterion):
    assert torch.autograd.gradcheck(criterion, predictions(4, 3).requires_grad_())


def test_neighbourhoods_do_not_depend_on_the_rows_in_memory():
    p = predictions()
    torch.testing.assert_close(soft_neighbourhood_density(p, rows=4), soft_neighbourhood_density(p, rows=1000))


def test_deep_embedded_validation_typed_again():
    loss, weight = torch.rand(50, dtype=torch.float64), torch.rand(50, dtype=torch.float64)
    weighted = (weight * loss).numpy()
    eta = -np.cov(weighted, weight.numpy(), ddof=1)[0, 1] / np.var(weight.numpy(), ddof=1)
    expected = weighted.mean() + eta * weight.numpy().mean() - eta
    assert deep_embedded_validation(loss, weight).item() == pytest.approx(expected)
    assert deep_embedded_validation(loss, torch.ones(50)).item() == pytest.approx(loss.mean().item())


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('count', [1, 7, 1000, 100_000])
def test_equal_weights_are_a_mean_whatever_their_mean_rounds_to(count, dtype):
    loss = torch.rand(count, dtype=dtype)
    for value in (0.1, 1 / 3, 2.7):
        weight = torch.full_like(loss, value)
        assert deep_embedded_validation(loss, weight).item() == pytest.approx(value * loss.mean().item(), rel=1e-4)


def test_density_ratio_of_two_normal_domains():
    source, target = torch.randn(4000, 1), torch.randn(2000, 1) + 1
    at = torch.tensor([[-1.0], [0.0], [1.5]])
    expected = (at - 0.5).exp().squeeze(1).double()  # N(1, 1) / N(0, 1)
    torch.testing.assert_close(density_ratio(source, target, at), expected, rtol=0.15, atol=0)
