"""The target half of the margin disparity discrepancy (MDD, Zhang et al., ICML 2019).

    L' = log(1 − σ_y(f'(x)))

σ is the softmax, y the main classifier's prediction. Computed as a difference of two log-sum-exps, so that a sure f'
gives no infinity; the released code takes the logarithm of 1 − softmax.
"""

from __future__ import annotations

from torch import Tensor


def log_complement(logits: Tensor, label: Tensor) -> Tensor:
    """Compute the log-probability that the class is not ``label``.

    Args:
        logits: ``[B, K]``, at least two classes.
        label: ``[B]`` class indices.

    Returns:
        ``[B]``, never positive.
    """
    others = logits.scatter(1, label.unsqueeze(1), float('-inf'))
    return others.logsumexp(1) - logits.logsumexp(1)
