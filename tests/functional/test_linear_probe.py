"""A linear map fitted to features: minima that are known."""

import pytest
import torch
from torch.nn import functional as F

from mmuda.functional import fit_linear


def test_least_squares_finds_the_map():
    x, weight = torch.randn(50, 3, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    y = x @ weight + 4
    scores = fit_linear(x, 2, lambda z: F.mse_loss(z, y), weight_decay=0.0)
    new = torch.randn(7, 3, dtype=torch.float64)
    torch.testing.assert_close(scores(new), new @ weight + 4, atol=1e-4, rtol=1e-4)


def test_at_the_minimum_the_gradient_vanishes():
    x, y = torch.randn(40, 4, dtype=torch.float64), torch.arange(40) % 3
    scores = fit_linear(x, 3, lambda z: F.cross_entropy(z, y), weight_decay=0.1)
    standardised = (x - x.mean(0)) / x.std(0)
    weight = torch.linalg.lstsq(torch.cat((standardised, torch.ones(40, 1)), 1).double(), scores(x)).solution
    slope = standardised.T @ (scores(x).softmax(1) - F.one_hot(y, 3)) / 40 + 0.1 * weight[:4]
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-5, rtol=0)


def test_the_scale_of_a_channel_does_not_matter():
    x, y = torch.randn(30, 2), (torch.arange(30) % 2).double()
    results = []
    for scale in (1.0, 1e4):
        scaled = x * torch.tensor([scale, 1.0])
        fitted = fit_linear(scaled, 1, lambda z: F.binary_cross_entropy_with_logits(z.squeeze(1), y))
        results.append(fitted(scaled))
    torch.testing.assert_close(*results, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize('value', [0.0, 3.0])
def test_a_constant_channel_and_no_grad_do_not_matter(value):
    x, y = torch.full((8, 1), value), torch.arange(8.0, dtype=torch.float64)[:, None]
    with torch.no_grad():
        fitted = fit_linear(x, 1, lambda z: F.mse_loss(z, y))
    torch.testing.assert_close(fitted(x), torch.full((8, 1), 3.5, dtype=torch.float64), atol=1e-4, rtol=0)
