"""TransNorm Eqs. 5 and 6, typed again in numpy's float64, and the alternatives of Table 6."""

import numpy as np
import pytest
import torch

from mmuda.functional import channel_distance, transferability

EPS = 1e-5


@pytest.fixture
def moments():
    generator = torch.Generator().manual_seed(1)
    means = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    variances = torch.rand(2, 7, generator=generator, dtype=torch.float64) + 0.1
    return means[0], variances[0], means[1], variances[1]


def distances(mean_s, var_s, mean_t, var_t):
    std_s, std_t = np.sqrt(var_s + EPS), np.sqrt(var_t + EPS)
    return dict(
        normalized_mean=np.abs(mean_s / std_s - mean_t / std_t),
        mean=np.abs(mean_s - mean_t),
        wasserstein=(mean_s - mean_t) ** 2 + var_s + var_t + 2 * EPS - 2 * std_s * std_t,
    )


PROBABILITIES = dict(
    student_t=lambda d: 1 / (1 + d),
    gaussian=lambda d: np.exp(-(d**2) / 2),
    softmax=lambda d: np.exp(-d),
)


@pytest.mark.parametrize('probability', PROBABILITIES)
@pytest.mark.parametrize('distance', ['normalized_mean', 'mean', 'wasserstein'])
def test_every_switch_is_its_formula(moments, distance, probability):
    weight = PROBABILITIES[probability](distances(*(value.numpy() for value in moments))[distance])
    alpha = transferability(*moments, distance=distance, probability=probability)
    np.testing.assert_allclose(alpha, 7 * weight / weight.sum(), rtol=1e-9)
    assert alpha.mean().item() == pytest.approx(1)


def test_the_distance_alone(moments):
    found = channel_distance(*moments)
    np.testing.assert_allclose(found, distances(*(value.numpy() for value in moments))['normalized_mean'], rtol=1e-9)


def test_equal_domains_and_no_distance_weigh_all_channels_alike(moments):
    mean, var, *_ = moments
    assert torch.equal(transferability(mean, var, mean, var), torch.ones_like(mean))
    assert torch.equal(transferability(*moments, distance='none'), torch.ones_like(mean))


def test_closer_channels_weigh_more():
    zero, one = torch.zeros(3), torch.ones(3)
    for probability in PROBABILITIES:
        alpha = transferability(torch.tensor([0.0, 1.0, 9.0]), one, zero, one, probability=probability)
        assert alpha[0] > alpha[1] > alpha[2] > 0


def test_far_domains_do_not_divide_by_zero():
    far, zero, one = torch.tensor([1e4, 2e4]), torch.zeros(2), torch.ones(2)
    for probability in PROBABILITIES:
        assert transferability(far, one, zero, one, probability=probability).isfinite().all()


def test_gradients(moments):
    inputs = [value.clone().requires_grad_() for value in moments]
    for distance in ('normalized_mean', 'mean', 'wasserstein'):
        for probability in PROBABILITIES:
            assert torch.autograd.gradcheck(lambda *m: transferability(*m, EPS, distance, probability), inputs)  # noqa: B023


def test_unknown_names_are_refused(moments):
    with pytest.raises(ValueError, match=r"distance='l3' is unknown: choose one of \['normalized_mean'"):
        transferability(*moments, distance='l3')
    with pytest.raises(ValueError, match=r"probability='cauchy' is unknown: choose one of \['student_t'"):
        transferability(*moments, probability='cauchy')
