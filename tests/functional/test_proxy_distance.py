"""The proxy A-distance of domains whose distance is known."""

import pytest
import torch

from mmuda.functional import proxy_a_distance


@pytest.mark.parametrize('folds', [2, 5])
def test_separable_domains_are_2_apart(folds):
    source, target = torch.randn(60, 3), torch.randn(40, 3) + torch.tensor([20.0, 0, 0])
    assert proxy_a_distance(source, target, folds) == 2


def test_equal_domains_are_near_0():
    assert abs(proxy_a_distance(torch.randn(2000, 3), torch.randn(2000, 3))) < 0.15


def test_two_gaussians_have_the_error_of_bayes():
    source, target = torch.randn(4000, 2), torch.randn(4000, 2) + torch.tensor([2.0, 0])
    error = torch.special.ndtr(torch.tensor(-1.0)).item()
    assert proxy_a_distance(source, target) == pytest.approx(2 * (1 - 2 * error), abs=0.05)


def test_a_constant_channel_and_no_grad_do_not_matter():
    source, target = torch.randn(50, 2), torch.randn(50, 2) + 9
    source[:, 1] = target[:, 1] = 3.0
    with torch.no_grad():
        assert proxy_a_distance(source, target) == 2


def test_too_few_samples():
    with pytest.raises(ValueError, match='folds=3 does not fit 2 samples a domain'):
        proxy_a_distance(torch.randn(2, 2), torch.randn(9, 2), 3)
