"""The training pass of a norm of two domains in torch: both domains' moments, and the map of each domain's rows.

    y_d = (x_d − mean_d) / sqrt(var_d + eps) · scale_d + shift_d

On CPU and CUDA these are operations with a written backward pass, made of batch norm's kernels
(:mod:`.kernels.torch_batch_norm`): results go into slices, nothing is kept but the input, and in one process a domain's
backward pass is batch norm's own kernel. Elsewhere, and under `torch.compile`, they are the plain formula.

Where each domain is normalised by its own moments and nothing else depends on these, the moments are constants and the
backward pass is batch norm's. Otherwise they have a gradient of their own, at the price of one more pass.

Shapes: x ``[n_s + n_t, C, ...]``; moments, scale and shift ``[C]``, one for each domain.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmuda.functional import Moments, channel_moments, joined_moments
from mmuda.processes import gather_over_ranks, num_ranks, sum_over_ranks

from .kernels.torch_batch_norm import (
    channel_gradients,
    channel_map,
    channel_statistics,
    channel_sums,
    has_kernels,
    laid_out_as,
    values_per_channel,
)
from .recipe import Normalizer

Pair = tuple[Tensor, Tensor]  # of the source and of the target


def measure(x: Tensor, num_source: int, constant: bool) -> list[Moments]:
    """Return moments of the source and of the target rows of all ranks; ``constant`` ones fit ``own_counts`` alone."""
    if not has_kernels(x):
        return _moments_of_all_ranks([channel_moments(rows) for rows in x.tensor_split([num_source])])
    values = _Statistics.apply(x.detach() if constant else x, num_source)
    source, target = (rows * values_per_channel(x) for rows in (num_source, len(x) - num_source))
    return _moments_of_all_ranks([Moments(*values[:2], source), Moments(*values[2:], target)])


def normalize(
    x: Tensor,
    num_source: int,
    normalizers: tuple[Normalizer, Normalizer],
    eps: float,
    own_counts: tuple[Tensor | int, Tensor | int] | None = None,
) -> Tensor:
    """Normalise by the formula of the source and of the target rows.

    Args:
        x, num_source: The batch, and how many of its rows are source.
        normalizers: Of either domain.
        eps: Added to a variance under the root.
        own_counts: Over how many values the mean and variance of either domain are taken, where they are those of its
            own rows, measured as constants; None: they have a gradient.
    """
    means, variances, scales, shifts = zip(*normalizers)
    shifts = [shift.to(mean.dtype) for shift, mean in zip(shifts, means)]  # of a norm in half precision
    if own_counts is not None and has_kernels(x):
        return _NormalizeByOwn.apply(x, num_source, means, variances, own_counts, eps, *scales, *shifts)
    factors = [scale * (var + eps).rsqrt() for scale, var in zip(scales, variances)]
    if has_kernels(x):
        return _Map.apply(x, num_source, *means, *factors, *shifts)
    domains = zip(x.tensor_split([num_source]), means, factors, shifts)
    return torch.cat([((rows - _like(m, x)) * _like(k, x) + _like(b, x)).to(x.dtype) for rows, m, k, b in domains])


class _Statistics(torch.autograd.Function):
    """Mean and biased variance of the source rows, then of the target rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_source: int) -> tuple[Tensor, ...]:
        """Measure both domains."""
        statistics = [value for rows in _domains(num_source) for value in channel_statistics(x[rows])]
        ctx.num_source = num_source
        ctx.save_for_backward(x, *statistics[::2])
        return tuple(statistics)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """Spread the gradients of mean and variance over the rows."""
        x, *means = ctx.saved_tensors
        out = torch.empty_like(x)
        for rows, mean, grad_mean, grad_var in zip(_domains(ctx.num_source), means, grads[::2], grads[1::2]):
            count = len(x[rows]) * values_per_channel(x)
            channel_map(x[rows], 2 * grad_var / count, grad_mean / count, out[rows], center=mean)
        return out, None


class _Map(torch.autograd.Function):
    """(x_d − center_d) · factor_d + shift_d of both domains."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_source: int, *channels: Tensor) -> Tensor:
        """Map the rows of both domains."""
        ctx.num_source = num_source
        ctx.save_for_backward(x, *channels[:4])
        out = torch.empty_like(x)
        for rows, center, factor, shift in zip(_domains(num_source), channels[:2], channels[2:4], channels[4:]):
            channel_map(x[rows], factor, shift, out[rows], center)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradient, and sum what center, factor and shift get of it."""
        x, *channels = ctx.saved_tensors
        grad = laid_out_as(x, grad)
        out = torch.empty_like(x)
        by_center, by_factor, by_shift = [], [], []
        for rows, center, factor in zip(_domains(ctx.num_source), channels[:2], channels[2:]):
            total, products = channel_sums(grad[rows], x[rows], center)
            channel_map(grad[rows], factor, torch.zeros_like(factor), out[rows])
            by_center.append(-factor * total)
            by_factor.append(products)
            by_shift.append(total)
        return out, None, *by_center, *by_factor, *by_shift


class _NormalizeByOwn(torch.autograd.Function):
    """Batch normalisation of both domains, each by its own rows' moments."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, num_source: int, means: Pair, variances: Pair, counts: tuple, eps: float, *affine: Tensor
    ) -> Tensor:
        """Normalise the rows of both domains."""
        scales, shifts = affine[:2], affine[2:]
        ctx.num_source, ctx.counts, ctx.eps = num_source, counts, eps
        ctx.save_for_backward(x, *means, *variances, *scales)
        out = torch.empty_like(x)
        for rows, mean, var, scale, shift in zip(_domains(num_source), means, variances, scales, shifts):
            channel_map(x[rows], scale.to(var.dtype), shift, out[rows], mean, var, eps)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Go back through batch norm in either domain."""
        x, *saved = ctx.saved_tensors
        means, variances, scales = saved[:2], saved[2:4], saved[4:]
        inv_stds = [(var + ctx.eps).rsqrt() for var in variances]
        domains = list(zip(_domains(ctx.num_source), means, inv_stds, scales))
        grad = laid_out_as(x, grad)
        out = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        if num_ranks() == 1:
            by_affine = _gradients_of_one_process(x, grad, domains, out)
        else:
            by_affine = _gradients_of_all_ranks(x, grad, domains, ctx.counts, out)
        return out, None, None, None, None, None, *by_affine


def _gradients_of_one_process(x: Tensor, grad: Tensor, domains: list[tuple], out: Tensor | None) -> list[Tensor]:
    """Return both domains' gradients by scale, then by shift; those by input go to ``out``."""
    by_scale, by_shift = [], []
    for rows, mean, inv_std, scale in domains:
        by_input, *by_affine = channel_gradients(grad[rows], x[rows], scale, mean, inv_std, out is not None)
        if out is not None:
            out[rows] = by_input
        by_scale.append(by_affine[0])
        by_shift.append(by_affine[1])
    return by_scale + by_shift


def _gradients_of_all_ranks(
    x: Tensor, grad: Tensor, domains: list[tuple], counts: tuple, out: Tensor | None
) -> list[Tensor]:
    """Return the same where other processes have rows of the domains, too: what goes to ``out`` takes their sums.

    The gradients by scale and shift are of this process alone, as those of other parameters are.
    """
    sums = [channel_sums(grad[rows], x[rows], mean, inv_std) for rows, mean, inv_std, _ in domains]
    if out is not None:
        totals = sum_over_ranks(torch.stack([value for pair in sums for value in pair])).split(2)
        for (rows, mean, inv_std, scale), total, count in zip(domains, totals, counts):
            _input_gradient(x[rows], grad[rows], mean, inv_std, scale, total / count, out[rows])
    return [products for _, products in sums] + [total for total, _ in sums]


def _input_gradient(
    x: Tensor, grad: Tensor, mean: Tensor, inv_std: Tensor, scale: Tensor, averages: Tensor, out: Tensor
) -> None:
    """Write ``out`` = scale / std · (grad − avg(grad) − x̂ · avg(grad · x̂)), batch norm's."""
    factor = scale * inv_std
    channel_map(x, -factor * inv_std * averages[1], -factor * averages[0], out, center=mean)
    if x.dtype == factor.dtype:
        out.addcmul_(grad, _like(factor, x))
        return
    part = torch.empty_like(out)  # factors may lie beyond the range of float16: only the kernel knows them as they are
    channel_map(grad, factor, torch.zeros_like(factor), part)
    out += part


def _moments_of_all_ranks(domains: list[Moments]) -> list[Moments]:
    """Return each domain's moments over the values of all processes, which may hold unequal numbers: one collective."""
    if num_ranks() == 1:
        return domains
    gathered = gather_over_ranks(torch.stack([_packed(part) for part in domains]))  # [ranks, 2, 2C + 1]
    return [joined_moments([_unpacked(row) for row in rows]) for rows in gathered.unbind(1)]


def _packed(part: Moments) -> Tensor:
    return torch.cat([part.mean, part.var, part.mean.new_full((1,), part.count)])  # a copy from the host would wait


def _unpacked(row: Tensor) -> Moments:
    channels = len(row) // 2
    return Moments(row[:channels], row[channels:-1], row[-1])


def _domains(num_source: int) -> tuple[slice, slice]:
    return slice(None, num_source), slice(num_source, None)


def _like(values: Tensor, x: Tensor) -> Tensor:
    """Shape ``[C]`` as ``[C, 1, ...]``, to go with the channels of ``x``."""
    return values.view(-1, *[1] * (x.dim() - 2))
