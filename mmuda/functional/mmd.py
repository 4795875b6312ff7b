"""Maximum mean discrepancy with several Gaussian kernels (DAN, Long et al., ICML 2015; ACDA, 2022, Eq. 3).

    MMD²(S, T) = mean k(s, s') + mean k(t, t') − 2 mean k(s, t)        k(a, b) = Σ_u β_u exp(−‖a − b‖² / γ_u)

The bandwidths γ_u are a geometric series around the mean squared distance of all pairs, which gets no gradient. The
papers give neither their number nor β; five kernels with β = 1/5 here. Released codes (CAN, Xlearn) sum the kernels:
``reduction='sum'``.

Distances come from one Gram matrix, ``‖a‖² + ‖b‖² − 2 a·b``, so no tensor of n × n × d is made; float32 at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .biased_mmd import SMALLEST_BANDWIDTH, biased_mmd

ESTIMATORS = ('biased', 'unbiased', 'linear')
REDUCTIONS = ('mean', 'sum')


def multi_kernel_mmd(
    source: Tensor,
    target: Tensor,
    num_kernels: int = 5,
    multiplier: float = 2.0,
    bandwidth: Tensor | float | None = None,
    estimator: str = 'biased',
    reduction: str = 'mean',
) -> Tensor:
    """Compute MMD² of two sets of vectors.

    Args:
        source: ``[n, ...]``; all but the first dimension are flattened.
        target: ``[m, ...]``; n and m may differ, except for the linear estimator.
        num_kernels: Kernels of the series.
        multiplier: Ratio of neighbouring bandwidths.
        bandwidth: The centre of the series (None: mean squared distance of all pairs of different samples, detached).
        estimator: ``biased`` (ACDA's Eq. 3; never negative), ``unbiased`` (no sample is paired with itself within its
            domain) or ``linear`` (Gretton et al., JMLR 2012, Lemma 14, over neighbours in the batch; O(n)).
        reduction: ``mean`` or ``sum`` over the kernels.

    Returns:
        A scalar of at least float32.

    Raises:
        ValueError: An unknown name, domains of other shapes, or too few samples for the estimator.
    """
    check_kernels(num_kernels, multiplier, reduction)
    _check_sets(source, target, estimator)
    with torch.autocast(source.device.type, enabled=False):
        joint = torch.cat((widened(source), widened(target)))
        if estimator == 'biased' and bandwidth is None:
            return biased_mmd([joint.flatten(1)[None]], len(source), num_kernels, multiplier, reduction)[0][0]
        kernel = gaussian_kernels(squared_distances(joint), bandwidth, num_kernels, multiplier, reduction)
        return mmd_of_kernel(kernel, len(source), estimator)


def joint_mmd(
    sources: Sequence[Tensor],
    targets: Sequence[Tensor],
    num_kernels: int | Sequence[int] = 5,
    multiplier: float = 2.0,
    bandwidths: Sequence[Tensor | float | None] | None = None,
    estimator: str = 'biased',
    reduction: str = 'mean',
) -> Tensor:
    """Compute MMD² of the joint distribution over several layers (JAN, Long et al., ICML 2017, Eq. 10).

    The kernel of a pair of samples is the product of its kernels in each layer.

    Args:
        sources: For each layer ``[n, ...]``.
        targets: For each layer ``[m, ...]``.
        num_kernels: Kernels of the series, one number or one for each layer.
        multiplier: Ratio of neighbouring bandwidths.
        bandwidths: For each layer the centre of its series (None: its mean squared distance, as in
            :func:`multi_kernel_mmd`).
        estimator: As in :func:`multi_kernel_mmd`.
        reduction: ``mean`` or ``sum`` over the kernels of each layer.
    """
    counts = [num_kernels] * len(sources) if isinstance(num_kernels, int) else num_kernels
    centres = [None] * len(sources) if bandwidths is None else bandwidths
    product = None
    for source, target, count, centre in zip(sources, targets, counts, centres, strict=True):
        check_kernels(count, multiplier, reduction)
        _check_sets(source, target, estimator)
        with torch.autocast(source.device.type, enabled=False):
            joint = torch.cat((widened(source), widened(target)))
            kernel = gaussian_kernels(squared_distances(joint), centre, count, multiplier, reduction)
        product = kernel if product is None else product * kernel
    return mmd_of_kernel(product, len(sources[0]), estimator)


def squared_distances(joint: Tensor) -> Tensor:
    """Map ``[n, ...]`` → ``[n, n]``, never negative, 0 on the diagonal.

    The samples are centred first: distances do not change, and the subtraction of large squares loses fewer digits.
    """
    vectors = joint.flatten(1)
    vectors = vectors - vectors.detach().mean(0)
    gram = vectors @ vectors.T
    squares = gram.diagonal()
    return (squares[:, None] + squares[None] - 2 * gram).clamp_min(0)


def gaussian_kernels(
    distances: Tensor,
    bandwidth: Tensor | float | None = None,
    num_kernels: int = 5,
    multiplier: float = 2.0,
    reduction: str = 'mean',
) -> Tensor:
    """Compute ``Σ_u exp(−D / γ_u)`` or its mean, u over the series; shape of ``distances``.

    With the multiplier 2 each kernel is the square of the next wider one: one exponential serves all.
    """
    if bandwidth is None:
        bandwidth = mean_bandwidth(distances)
    elif not isinstance(bandwidth, Tensor) and bandwidth <= 0:
        raise ValueError(f'bandwidth={bandwidth} divides squared distances: give a positive number.')
    widest = bandwidth * multiplier ** (num_kernels - 1 - num_kernels // 2)
    total = _SumOfKernels.apply(distances / -widest, num_kernels, multiplier)
    return total / num_kernels if reduction == 'mean' else total


class _SumOfKernels(torch.autograd.Function):
    """Σ_u exp(m^u · x), u from 0, with its derivative Σ_u m^u exp(m^u · x) from the same exponentials.

    The backward pass keeps that and x, whatever the number of kernels.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_kernels: int, multiplier: float) -> Tensor:
        """Sum the exponentials, and keep the sum of their slopes."""
        kernel = x.exp()
        total, slope = kernel.clone(), kernel.clone()
        for u in range(1, num_kernels):
            rate = multiplier**u
            kernel = kernel.mul_(kernel) if multiplier == 2 else (x * rate).exp_()
            total += kernel
            slope.add_(kernel, alpha=rate)
        ctx.save_for_backward(x, slope)
        ctx.rates = [multiplier**u for u in range(num_kernels)]
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """Multiply the gradient by the slope."""
        x, slope = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: the slope has a derivative, too
            slope = sum(rate * (rate * x).exp() for rate in ctx.rates)
        return grad * slope, None, None


def mean_bandwidth(distances: Tensor) -> Tensor:
    """Return the mean of ``[n, n]`` squared distances over the pairs of different samples, without gradient."""
    count = len(distances)
    return (distances.detach().sum() / max(count * count - count, 1)).clamp_min(SMALLEST_BANDWIDTH)


def mmd_of_kernel(kernel: Tensor, num_source: int, estimator: str = 'biased') -> Tensor:
    """Compute MMD² from the kernel matrix ``[n + m, n + m]`` of ``[source | target]``."""
    if estimator == 'linear':
        return _linear(kernel, num_source)
    within_source, within_target = kernel[:num_source, :num_source], kernel[num_source:, num_source:]
    between = kernel[:num_source, num_source:].mean()
    if estimator == 'biased':
        return (within_source.mean() + within_target.mean() - 2 * between).clamp_min(0)
    return _off_diagonal_mean(within_source) + _off_diagonal_mean(within_target) - 2 * between


def _off_diagonal_mean(kernel: Tensor) -> Tensor:
    count = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * count - count)


def _linear(kernel: Tensor, count: int) -> Tensor:
    """Average ``k(s_i, s_j) + k(t_i, t_j) − k(s_i, t_j) − k(s_j, t_i)``, j = i + 1, the last with the first."""
    source = torch.arange(count, device=kernel.device)
    after = source.roll(-1)
    target, target_after = source + count, after + count
    terms = kernel[source, after] + kernel[target, target_after] - kernel[source, target_after] - kernel[after, target]
    return terms.mean()


def check_kernels(num_kernels: int, multiplier: float, reduction: str) -> None:
    """Refuse a series that is none.

    Raises:
        ValueError: What was given, and what is meant.
    """
    if num_kernels < 1 or multiplier <= 0:
        raise ValueError(
            f'The kernels have num_kernels={num_kernels} and multiplier={multiplier}: give one kernel or more, and a '
            'positive ratio of their bandwidths.'
        )
    if reduction not in REDUCTIONS:
        raise ValueError(f'reduction={reduction!r} of the kernels is unknown: choose one of {list(REDUCTIONS)}.')


def check_estimator(estimator: str) -> None:
    """Refuse an unknown name.

    Raises:
        ValueError: The name, and those that there are.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f'estimator={estimator!r} is unknown: choose one of {list(ESTIMATORS)}.')


def _check_sets(source: Tensor, target: Tensor, estimator: str) -> None:
    check_estimator(estimator)
    if source.shape[1:] != target.shape[1:]:
        raise ValueError(
            f'MMD compares vectors of one space, but a source sample is {list(source.shape[1:])} and a target sample '
            f'{list(target.shape[1:])}: project both to one shape.'
        )
    least = dict(biased=1, unbiased=2, linear=2)[estimator]
    if min(len(source), len(target)) < least:
        raise ValueError(
            f'The {estimator} estimator of MMD needs {least} samples of each domain, but got {len(source)} source and '
            f'{len(target)} target: enlarge the batch.'
        )
    if estimator == 'linear' and len(source) != len(target):
        raise ValueError(
            f'The linear estimator of MMD takes samples in pairs, but got {len(source)} source and {len(target)} '
            "target: use estimator='biased', or equal batches."
        )


def widened(x: Tensor) -> Tensor:
    """Return ``x`` in float32, where a mixed-precision pass gave less."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
