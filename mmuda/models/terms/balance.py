"""Means over each domain, whatever the sizes of the domains and however many processes share the batch.

The mean over the joint batch would weigh a domain by its number of samples; and where two processes hold unequal
numbers, or samples have weights, the mean of the processes' means is not the mean of all samples.
"""

from __future__ import annotations

import torch
from mmengine import dist
from torch import Tensor

from mmuda.functional import widened


def domain_means(
    source: Tensor,
    target: Tensor,
    source_weight: Tensor | None = None,
    target_weight: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute ``Σ w_i v_i / Σ w_i`` of each domain; the sum of weights counts over all processes and has no gradient.

    Several processes: each returns its share, scaled so that the average of the processes' gradients, which is what DDP
    takes, is the gradient of the one mean over all samples.

    Sums are in float32 at least.

    Args:
        source: ``[B_s, ...]`` losses, one a sample or one a position of a map; every position counts alike.
        target: ``[B_t, ...]`` losses, the same.
        source_weight: ``[B_s]``, or ``[B_s, ...]`` of the losses' shape, None for equal weights; a gradient goes
            through the numerator.
        target_weight: The same of the target.
    """
    source_sum, source_total = _weighted(source, source_weight)
    target_sum, target_total = _weighted(target, target_weight)
    totals = torch.stack((source_total, target_total))
    dist.all_reduce(totals)
    totals = totals / dist.get_world_size()
    return source_sum / totals[0], target_sum / totals[1]


def _weighted(values: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    values = widened(values)
    if weight is None:
        return values.sum(), values.new_full((), values.numel())
    weight = widened(weight).reshape(*weight.shape, *[1] * (values.dim() - weight.dim())).expand_as(values)
    return (weight * values).sum(), weight.detach().sum()
