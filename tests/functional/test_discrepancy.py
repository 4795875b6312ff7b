"""The discrepancy of two classifiers: Eq. 2 of MCD pair by pair, and its bounds."""

import torch

from mmuda.functional import classifier_discrepancy


def test_it_is_the_papers_mean_over_classes():
    scores = torch.randn(4, 2, 3, dtype=torch.float64)
    expected = []
    for first, second in scores:
        p, q = first.exp() / first.exp().sum(), second.exp() / second.exp().sum()
        expected.append(sum(abs(a - b) for a, b in zip(p, q)) / 3)
    torch.testing.assert_close(classifier_discrepancy(scores), torch.stack(expected))


def test_it_lies_within_0_and_two_kth():
    alike = torch.randn(5, 1, 4).repeat(1, 2, 1)
    assert torch.equal(classifier_discrepancy(alike), torch.zeros(5))
    apart = torch.tensor([[[100.0, 0, 0, 0], [0, 100.0, 0, 0]]])
    torch.testing.assert_close(classifier_discrepancy(apart), torch.tensor([0.5]))
    assert torch.equal(classifier_discrepancy(apart.flip(1)), classifier_discrepancy(apart))


def test_half_precision_is_widened():
    scores = torch.randn(3, 2, 4)
    found = classifier_discrepancy(scores.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, classifier_discrepancy(scores), atol=1e-2, rtol=0)
