"""Proxy A-distance of two domains (Ben-David et al., NeurIPS 2006): 2 · (1 − 2ε).

ε is the error of a classifier that tells the domains apart, on samples that it was not trained on: here logistic
regression, cross-validated. 2 means that the domains are separable, 0 that the classifier can but guess; chance makes
it a little negative.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .linear_probe import fit_linear


def proxy_a_distance(source: Tensor, target: Tensor, folds: int = 2, weight_decay: float = 1e-3) -> float:
    """Compute the proxy A-distance of features.

    Args:
        source, target: Features ``[N_s, C]`` and ``[N_t, C]``. The larger domain is cut to the smaller one's size, so
            that guessing is wrong half the time; give samples in random order.
        folds: Parts of the data, each of which is tested once.
        weight_decay: Factor of half the squared norm of the classifier's weights.

    Raises:
        ValueError: Fewer samples of a domain than folds.
    """
    count = min(len(source), len(target))
    check_folds(folds, count)
    x = torch.cat((source[:count], target[:count]))
    y = torch.arange(2, device=x.device).repeat_interleave(count).double()
    fold = (torch.arange(count, device=x.device) % folds).repeat(2)
    wrong = sum(_mistakes(x[fold != i], y[fold != i], x[fold == i], y[fold == i], weight_decay) for i in range(folds))
    return 2 * (1 - 2 * wrong / len(y))


def check_folds(folds: int, count: int) -> None:
    """Refuse a cross-validation that some part of would be empty."""
    if not 2 <= folds <= count:
        raise ValueError(f'folds={folds} does not fit {count} samples a domain: give 2 up to that many.')


def _mistakes(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, weight_decay: float) -> int:
    """Count the test samples that logistic regression on ``x``, ``y`` puts into the wrong domain."""
    scores = fit_linear(x, 1, lambda z: F.binary_cross_entropy_with_logits(z.squeeze(1), y), weight_decay)
    return int(((scores(test_x).squeeze(1) > 0) != (test_y > 0)).sum())
