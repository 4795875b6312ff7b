"""Mean and variance of every channel: of some rows of a batch, and of a mixture of such parts.

Moments are float32 at least, whatever the precision of the input, and their variance is the biased one.

Shapes: n rows, C channels, `...` any number of further dimensions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """Mean and biased variance ``[C]`` over ``count`` values per channel."""

    mean: Tensor
    var: Tensor
    count: Tensor | int

    def unbiased_var(self) -> Tensor:
        """Return var · count / (count − 1), ``[C]``."""
        return self.var * (self.count / (self.count - 1))


def channel_moments(x: Tensor) -> Moments:
    """Compute mean and biased variance of each channel over all rows ``[n, C, ...]``; differentiable."""
    dims = [dim for dim in range(x.dim()) if dim != 1]
    x = x.to(statistics_dtype(x))
    mean = x.mean(dims, keepdim=True)
    return Moments(mean.flatten(), (x - mean).square().mean(dims), x.numel() // x.shape[1])


def mixed_moments(means: Tensor, variances: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and variance of a mixture of k distributions.

        mean = Σ w_i · mean_i            var = Σ w_i · (var_i + (mean_i − mean)²)

    With the parts' shares of all values as weights these are the moments of all values.

    Args:
        means, variances: Of the parts ``[k, C]``.
        weights: ``[k]``, sum 1.
    """
    weights = weights.unsqueeze(1)
    mean = (weights * means).sum(0)
    return mean, (weights * (variances + (means - mean).square())).sum(0)


def joined_moments(parts: list[Moments]) -> Moments:
    """Join the moments of several parts to those of all their values."""
    means, variances = torch.stack([part.mean for part in parts]), torch.stack([part.var for part in parts])
    counts = torch.stack([_scalar(part.count, means) for part in parts])
    return Moments(*mixed_moments(means, variances, counts / counts.sum()), counts.sum())


def _scalar(value: Tensor | int, like: Tensor) -> Tensor:
    """Put ``value`` on a device without waiting for the host, as a copy of a host's tensor would."""
    return value.to(like.dtype) if isinstance(value, Tensor) else like.new_full((), value)


def statistics_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype for statistics of ``x``: float32, or its own if that is more precise."""
    return torch.promote_types(x.dtype, torch.float32)
