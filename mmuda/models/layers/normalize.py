"""Normalise the source and the target rows of one batch, each with moments and an affine map of its own.

    y_d = (x_d − mean_d) / sqrt(var_d + eps) · scale_d + shift_d

On CPU and CUDA these are operations with a written backward pass: results go into slices, nothing is kept but the
input, and in one process a domain's backward pass is batch norm's own kernel. Elsewhere, and under `torch.compile`,
they are the plain formula.

Where each domain is normalised with its own moments and nothing else depends on these, the moments are constants and
the backward pass is batch norm's. Otherwise they have a gradient of their own, at the price of one more pass.

Shapes: x ``[n_s + n_t, C, ...]``; moments, scale and shift ``[C]``, one for each domain.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmuda.functional import Moments, channel_moments

from .channel_kernels import (
    channel_gradients,
    channel_map,
    channel_statistics,
    channel_sums,
    has_kernels,
    values_per_channel,
)
from .process_group import num_ranks, sum_over_ranks

Pair = tuple[Tensor, Tensor]


def measure(x: Tensor, num_source: int, constant: bool) -> list[Moments]:
    """Moments of the source and of the target rows; ``constant`` ones are for :func:`normalize_by_own` alone."""
    if not has_kernels(x):
        return [channel_moments(rows) for rows in x.tensor_split([num_source])]
    values = _Statistics.apply(x.detach() if constant else x, num_source)
    source, target = (rows * values_per_channel(x) for rows in (num_source, len(x) - num_source))
    return [Moments(*values[:2], source), Moments(*values[2:], target)]


def normalize(
    x: Tensor, num_source: int, moments: tuple[Moments, Moments], scale: Pair, shift: Pair, eps: float
) -> Tensor:
    """The formula for any moments, which have a gradient."""
    means = [part.mean for part in moments]
    scale = [factor * (part.var + eps).rsqrt() for part, factor in zip(moments, scale)]
    if has_kernels(x):
        return _Map.apply(x, num_source, *means, *scale, *shift)
    domains = zip(x.tensor_split([num_source]), means, scale, shift)
    return torch.cat([((rows - _like(m, x)) * _like(k, x) + _like(b, x)).to(x.dtype) for rows, m, k, b in domains])


def normalize_by_own(
    x: Tensor, num_source: int, moments: tuple[Moments, Moments], scale: Pair, shift: Pair, eps: float
) -> Tensor:
    """The formula where ``moments`` are those of the rows themselves, measured as constants."""
    if not has_kernels(x):
        return normalize(x, num_source, moments, scale, shift, eps)
    return _Normalize.apply(x, num_source, moments, eps, *scale, *shift)


class _Statistics(torch.autograd.Function):
    """Mean and biased variance of the source rows, then of the target rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_source: int) -> tuple[Tensor, ...]:
        statistics = [value for rows in _domains(num_source) for value in channel_statistics(x[rows])]
        ctx.num_source = num_source
        ctx.save_for_backward(x, *statistics[::2])
        return tuple(statistics)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        x, *means = ctx.saved_tensors
        out = torch.empty_like(x)
        for rows, mean, grad_mean, grad_var in zip(_domains(ctx.num_source), means, grads[::2], grads[1::2]):
            count = len(x[rows]) * values_per_channel(x)
            channel_map(x[rows], 2 * grad_var / count, grad_mean / count, out[rows], center=mean)
        return out, None


class _Map(torch.autograd.Function):
    """(x_d − center_d) · scale_d + shift_d of both domains."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_source: int, *channels: Tensor) -> Tensor:
        ctx.num_source = num_source
        ctx.save_for_backward(x, *channels[:4])
        out = torch.empty_like(x)
        for rows, center, scale, shift in zip(_domains(num_source), channels[:2], channels[2:4], channels[4:]):
            channel_map(x[rows], scale, shift, out[rows], center)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *channels = ctx.saved_tensors
        grad = _laid_out_as(x, grad)
        out = torch.empty_like(x)
        by_center, by_scale, by_shift = [], [], []
        for rows, center, scale in zip(_domains(ctx.num_source), channels[:2], channels[2:]):
            total, products = channel_sums(grad[rows], x[rows], center)
            channel_map(grad[rows], scale, torch.zeros_like(scale), out[rows])
            by_center.append(-scale * total)
            by_scale.append(products)
            by_shift.append(total)
        return out, None, *by_center, *by_scale, *by_shift


class _Normalize(torch.autograd.Function):
    """Batch normalisation of both domains, each with its own rows' moments."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, num_source: int, moments: tuple[Moments, Moments], eps: float, *affine: Tensor
    ) -> Tensor:
        ctx.num_source, ctx.counts, ctx.eps = num_source, [part.count for part in moments], eps
        ctx.save_for_backward(x, *(part.mean for part in moments), *(part.var for part in moments), *affine[:2])
        out = torch.empty_like(x)
        for rows, part, scale, shift in zip(_domains(num_source), moments, affine[:2], affine[2:]):
            channel_map(x[rows], scale.to(part.var.dtype), shift, out[rows], part.mean, part.var, eps)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Batch norm's backward in either domain; the sums are those of all processes."""
        x, *saved = ctx.saved_tensors
        means, variances, scales = saved[:2], saved[2:4], saved[4:]
        inv_stds = [(var + ctx.eps).rsqrt() for var in variances]
        grad = _laid_out_as(x, grad)
        if num_ranks() == 1:
            return _own_gradients(x, grad, ctx.num_source, scales, means, inv_stds, ctx.needs_input_grad[0])
        sums = []  # Σ grad and Σ grad · x̂ of source, then of target
        for rows, mean, inv_std in zip(_domains(ctx.num_source), means, inv_stds):
            sums += channel_sums(grad[rows], x[rows], mean, inv_std)
        by_affine = (sums[1], sums[3], sums[0], sums[2])
        if not ctx.needs_input_grad[0]:
            return None, None, None, None, *by_affine
        totals = sum_over_ranks(torch.stack(sums)).split(2)
        out = torch.empty_like(x)
        for rows, mean, inv_std, scale, total, count in zip(
            _domains(ctx.num_source), means, inv_stds, scales, totals, ctx.counts
        ):
            _input_gradient(x[rows], grad[rows], mean, inv_std, scale, total / count, out[rows])
        return out, None, None, None, *by_affine


def _own_gradients(
    x: Tensor, grad: Tensor, num_source: int, scales: Pair, means: Pair, inv_stds: Pair, with_input: bool
) -> tuple[Tensor | None, ...]:
    """What :class:`_Normalize` gives back where no other process has rows."""
    out = torch.empty_like(x) if with_input else None
    by_scale, by_shift = [], []
    for rows, *domain in zip(_domains(num_source), scales, means, inv_stds):
        by_input, *affine = channel_gradients(grad[rows], x[rows], *domain, with_input)
        if with_input:
            out[rows] = by_input
        by_scale.append(affine[0])
        by_shift.append(affine[1])
    return out, None, None, None, *by_scale, *by_shift


def _input_gradient(
    x: Tensor, grad: Tensor, mean: Tensor, inv_std: Tensor, scale: Tensor, averages: Tensor, out: Tensor
) -> None:
    """``out`` = scale / std · (grad − avg(grad) − x̂ · avg(grad · x̂)), batch norm's."""
    factor = scale * inv_std
    channel_map(x, -factor * inv_std * averages[1], -factor * averages[0], out, center=mean)
    if x.dtype == factor.dtype:
        out.addcmul_(grad, _like(factor, x))
        return
    part = torch.empty_like(out)  # factors may lie beyond the range of float16: only the kernel knows them as they are
    channel_map(grad, factor, torch.zeros_like(factor), part)
    out += part


def _domains(num_source: int) -> tuple[slice, slice]:
    return slice(None, num_source), slice(num_source, None)


def _like(values: Tensor, x: Tensor) -> Tensor:
    """``[C]`` -> ``[C, 1, ...]``, to go with the channels of ``x``."""
    return values.view(-1, *[1] * (x.dim() - 2))


def _laid_out_as(x: Tensor, grad: Tensor) -> Tensor:
    """A gradient in the memory format of ``x``, as the kernels want it."""
    return grad if grad.stride() == x.stride() else torch.empty_like(x).copy_(grad)
