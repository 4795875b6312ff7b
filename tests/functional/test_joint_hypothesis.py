"""lambda where the best joint classifier is known."""

import pytest
import torch

from mmuda.functional import joint_errors


@pytest.mark.parametrize('folds', [2, 5])
def test_one_rule_for_both_domains(folds):
    source, target = torch.randn(80, 2), torch.randn(60, 2) + torch.tensor([0.0, 20.0])
    source[:, 0] += 20 * (torch.arange(80) % 3)
    target[:, 0] += 20 * (torch.arange(60) % 3)
    assert joint_errors(source, target, torch.arange(80) % 3, torch.arange(60) % 3, folds) == (0, 0)


def test_opposite_rules_leave_one_of_both_wrong():
    """Of a sample with one class in the source and the other one in the target, exactly one is wrong."""
    x, y = torch.randn(100, 3), torch.arange(100) % 2
    source, target = joint_errors(x, x, y, 1 - y)
    assert source + target == pytest.approx(1)


def test_both_domains_weigh_the_same_whatever_their_sizes():
    """Classes part at 0 in the source and at 2 in the target: every threshold between is as good, the fair one is 1."""
    source, target = 10 * torch.rand(2000, 1) - 4, 10 * torch.rand(200, 1) - 4
    errors = joint_errors(source, target, (source[:, 0] > 0).long(), (target[:, 0] > 2).long())
    assert errors == pytest.approx((0.1, 0.1), abs=0.04)


def test_two_gaussians_have_the_error_of_bayes():
    labels = torch.arange(4000) % 2
    domains = [torch.randn(4000, 2) + 2 * labels[:, None] * torch.tensor([1.0, 0]) for _ in range(2)]
    error = torch.special.ndtr(torch.tensor(-1.0)).item()
    assert joint_errors(*domains, labels, labels) == pytest.approx((error, error), abs=0.02)


def test_a_class_that_only_one_domain_has():
    x = torch.tensor([[0.0], [9.0]]).repeat(10, 1) + torch.randn(20, 1) / 10
    errors = joint_errors(x, x[::2], (torch.arange(20) % 2) * 4, torch.zeros(10, dtype=torch.long))
    assert errors == (0, 0)


def test_too_few_samples():
    with pytest.raises(ValueError, match='folds=3 does not fit 2 samples a domain'):
        joint_errors(torch.randn(2, 2), torch.randn(9, 2), torch.zeros(2).long(), torch.zeros(9).long(), 3)
