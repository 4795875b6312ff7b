"""Biased MMD of many pairs of sets at once, in few operations (DAN, ICML 2015; ACDA, 2022, Eq. 3).

With c = 1/n at the n samples of the first set and c = −1/m at the m of the second, the three means of MMD² are one
quadratic form, whose gradient needs one matrix more:

    MMD² = Σ_ab c_a c_b k(‖x_a − x_b‖²)
    ∂MMD²/∂x_a = 4 Σ_b W_ab (x_a − x_b)        W_ab = c_a c_b k'(‖x_a − x_b‖²)

k is the sum or the mean of Gaussian kernels whose bandwidths are those of :mod:`.mmd`: constants for the gradient.
Networks that end in ACDA are small enough for a GPU to wait for launches, so all pairs share every operation here
(docs/performance.md). Shapes: P pairs of sets, N = n + m samples of a pair, d numbers a sample, U kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Any, NamedTuple

import torch
from torch import Tensor

SMALLEST_BANDWIDTH = 1e-5
"""As in CAN's released code: samples that are all alike would divide by zero."""


def biased_mmd(
    joints: Sequence[Tensor], num_first: int, num_kernels: int = 5, multiplier: float = 2.0, reduction: str = 'mean'
) -> list[Tensor]:
    """Compute MMD² of pairs of sets; each pair has a bandwidth of its own.

    Args:
        joints: Each ``[P, N, d]``, the first set before the second; P and d may differ.
        num_first: n.
        num_kernels, multiplier, reduction: The kernels, see :func:`.multi_kernel_mmd`.

    Returns:
        ``[P]`` for each of ``joints``, never negative.

    Example:
        >>> points = torch.tensor([[[0.0], [1.0], [3.0]]])
        >>> [round(x.item(), 4) for x in biased_mmd([points, 2 * points], num_first=1)]  # a scale changes nothing
        [0.7306, 0.7306]
    """
    series = _Series(num_first, joints[0].shape[1] - num_first, num_kernels, multiplier, reduction == 'mean')
    with torch.autocast(joints[0].device.type, enabled=False):
        found = _BiasedMMD.apply(series, *joints)
    return list(found.split([len(x) for x in joints]))


class _Series(NamedTuple):
    """The sizes of both sets and the kernels."""

    first: int
    second: int
    num_kernels: int
    multiplier: float
    mean: bool

    @property
    def widest(self) -> float:
        """The largest bandwidth, in mean squared distances."""
        return self.multiplier ** (self.num_kernels - 1 - self.num_kernels // 2)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _constants(series: _Series, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return rates ``[U]``, c up to a factor ``[1, 1, N]``, the rest of the form ``[N·U]``, −4 c cᵀ ``[N, N]``.

    c is of whole numbers, so that sets of equal samples have an MMD of exactly 0.
    """
    first, second, count = series.first, series.second, series.num_kernels
    common = gcd(first, second)
    contrast = torch.tensor([second // common] * first + [-first // common] * second, dtype=torch.float64)
    weight = (common / (first * second)) ** 2 / (count if series.mean else 1)
    rates = torch.tensor([series.multiplier**u for u in range(count)], dtype=torch.float64)
    form = (weight * contrast).repeat_interleave(count)
    found = rates, contrast[None, None], form, -4 * weight * contrast[:, None] * contrast
    return tuple(x.to(device, dtype) for x in found)


class _BiasedMMD(torch.autograd.Function):
    """``[P₁ + P₂ + …]`` of joint sets ``[P₁, N, d₁]``, …; keeps the sets, also centred, and one ``[P, N, N]``."""

    @staticmethod
    def forward(ctx: Any, series: _Series, *joints: Tensor) -> Tensor:
        """Sum the kernels of all pairs of samples with their signs."""
        centred, scale, kernels = _kernels(joints, series)
        slope = torch.bmm(kernels.flatten(1, 2), scale[..., None]).view(kernels.shape[:3])
        ctx.series = series
        ctx.save_for_backward(slope, *joints, *centred)
        return _quadratic_form(kernels, series)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return −4 · W · x of each set, or differentiate the plain formula where a second derivative is wanted."""
        slope, *saved = ctx.saved_tensors
        joints, centred = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        with torch.autocast(grad.device.type, enabled=False):
            if torch.is_grad_enabled():  # create_graph: the gradient has a derivative, too
                found = _quadratic_form(_kernels(joints, ctx.series)[-1], ctx.series)
                return None, *torch.autograd.grad(found, joints, grad, create_graph=True, allow_unused=True)
            outer = _constants(ctx.series, grad.dtype, grad.device)[-1]
            matrix = (slope * outer).mul_(grad[:, None, None])  # −4 W
            matrix.diagonal(dim1=1, dim2=2).sub_(matrix.sum(2))
            parts = matrix.split([len(x) for x in centred])
            return None, *(torch.bmm(part, x) for part, x in zip(parts, centred))


def _kernels(joints: Sequence[Tensor], series: _Series) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return centred sets, negative inverse bandwidths ``[P, U]`` without gradient, and kernels ``[P, N, N, U]``."""
    centred = [x - x.detach().mean(1, keepdim=True) for x in joints]  # distances stay, and lose fewer digits
    distances = _squared_distances(centred)
    rates = _constants(series, distances.dtype, distances.device)[0]
    scale = rates / _negative_widest(distances.detach(), series)[:, None]
    return centred, scale, (distances[..., None] * scale[:, None, None]).exp()


def _quadratic_form(kernels: Tensor, series: _Series) -> Tensor:
    """Compute Σ_ab c_a c_b k_ab of kernels ``[P, N, N, U]`` → ``[P]``, not below 0."""
    _, contrast, form, _ = _constants(series, kernels.dtype, kernels.device)
    over_first = torch.bmm(contrast.expand(len(kernels), 1, -1), kernels.flatten(2))  # [P, 1, N·U]
    return torch.mv(over_first.flatten(1), form).clamp_min(0)


def _squared_distances(centred: Sequence[Tensor]) -> Tensor:
    """Return ``[P, N, N]``, never negative, 0 on the diagonal."""
    grams = [torch.bmm(x, x.mT) for x in centred]
    gram = grams[0] if len(grams) == 1 else torch.cat(grams)
    squares = gram.diagonal(dim1=1, dim2=2)
    return torch.sub(squares[:, None] + squares[..., None], gram, alpha=2).clamp_min(0)


def _negative_widest(distances: Tensor, series: _Series) -> Tensor:
    """Return the widest bandwidth of each pair ``[P]``, times −1: the others are parts of it."""
    count = series.first + series.second
    total = distances.sum((1, 2)).mul_(-series.widest / max(count * count - count, 1))
    return total.clamp_max_(-series.widest * SMALLEST_BANDWIDTH)
