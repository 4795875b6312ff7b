"""How transferable each channel is (Transferable Normalization, Wang et al., NeurIPS 2019, Eqs. 5 and 6).

    d_j = |mu_s / sqrt(var_s + eps) − mu_t / sqrt(var_t + eps)|            alpha_j = c · (1 + d_j)^−1 / Σ_k (1 + d_k)^−1

The paper's Table 6 compares other distances and probabilities and gives no formula for them. Here *mean* is
|mu_s − mu_t|, *wasserstein* the squared 2-Wasserstein distance of two Gaussians, *softmax* is c · softmax(−d) and
*gaussian* c · exp(−d² / 2) / Σ exp(−d² / 2). The distance *none* is the table's column alpha = 1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def transferability(
    mean_s: Tensor,
    var_s: Tensor,
    mean_t: Tensor,
    var_t: Tensor,
    eps: float = 1e-5,
    distance: str = 'normalized_mean',
    probability: str = 'student_t',
) -> Tensor:
    """Compute the weight alpha of each channel; 1 on average.

    Args:
        mean_s, var_s, mean_t, var_t: Moments of a channel over source and over target samples ``[C]``.
        eps: Added to a variance under the root.
        distance: ``normalized_mean``, ``mean``, ``wasserstein`` or ``none``.
        probability: ``student_t``, ``gaussian`` or ``softmax``.

    Returns:
        ``[C]``, positive, larger where the domains are closer.
    """
    check_transferability(distance, probability)
    if distance == 'none':
        return torch.ones_like(mean_s)
    return PROBABILITIES[probability](DISTANCES[distance](mean_s, var_s, mean_t, var_t, eps))


def channel_distance(mean_s: Tensor, var_s: Tensor, mean_t: Tensor, var_t: Tensor, eps: float = 1e-5) -> Tensor:
    """Compute d of each channel ``[C]``, Eq. 5, of the same arguments."""
    return (mean_s * (var_s + eps).rsqrt() - mean_t * (var_t + eps).rsqrt()).abs()


def check_transferability(distance: str, probability: str) -> None:
    """Refuse an unknown name.

    Raises:
        ValueError: What was given, and what there is.
    """
    for option, value, known in (
        ('distance', distance, [*DISTANCES, 'none']),
        ('probability', probability, [*PROBABILITIES]),
    ):
        if value not in known:
            raise ValueError(f'{option}={value!r} is unknown: choose one of {known}.')


def _mean(mean_s: Tensor, var_s: Tensor, mean_t: Tensor, var_t: Tensor, eps: float) -> Tensor:
    return (mean_s - mean_t).abs()


def _wasserstein(mean_s: Tensor, var_s: Tensor, mean_t: Tensor, var_t: Tensor, eps: float) -> Tensor:
    return (mean_s - mean_t).square() + ((var_s + eps).sqrt() - (var_t + eps).sqrt()).square()


def _student_t(distance: Tensor) -> Tensor:
    weight = 1 / (1 + distance)
    return weight / weight.mean()


def _gaussian(distance: Tensor) -> Tensor:
    return _softmax(distance.square() / 2)


def _softmax(distance: Tensor) -> Tensor:
    return len(distance) * torch.softmax(-distance, 0)


DISTANCES: dict[str, Callable] = {'normalized_mean': channel_distance, 'mean': _mean, 'wasserstein': _wasserstein}
PROBABILITIES: dict[str, Callable] = {'student_t': _student_t, 'gaussian': _gaussian, 'softmax': _softmax}
