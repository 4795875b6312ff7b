"""The discrepancy of two classifiers (MCD, Saito et al., CVPR 2018, Eq. 2)."""

from __future__ import annotations

from torch import Tensor

from .mmd import widened


def classifier_discrepancy(scores: Tensor) -> Tensor:
    """Compute ``d(p_1, p_2) = 1/K · Σ_k |p_1k − p_2k|`` of each sample, p the softmax of its scores.

    Args:
        scores: ``[B, 2, K]`` of both classifiers.

    Returns:
        ``[B]``, at least float32, within 0 and 2/K.
    """
    first, second = widened(scores).softmax(2).unbind(1)
    return (first - second).abs().mean(1)
