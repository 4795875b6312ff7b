"""Normalise the source and the target rows of one batch, each with moments and an affine map of its own.

    y_d = (x_d − mean_d) / sqrt(var_d + eps) · scale_d + shift_d

On CPU and CUDA these are operations with a written backward pass: results go into slices, nothing is kept but the
input, and in one process a domain's backward pass is batch norm's own kernel. Elsewhere, and under `torch.compile`,
they are the plain formula. They are made of kernels of torch's batch norm, each one pass over a batch:

* :func:`channel_map`: x · scale + shift, written into a given tensor. Batch norm in evaluation.
* :func:`channel_gradients`: batch norm's backward pass as it is, where all rows are in this process.
* :func:`channel_sums`: Σ a and Σ a · (b − center) in one pass. The reduction of batch norm's backward.
* :func:`channel_statistics`: mean and biased variance.

These compute in float32 at least, whatever the precision of x, and take rows of a larger tensor without a copy. On a
CPU the last one is made of the third: torch's own kernel is a scalar loop there for contiguous float32 tensors, and six
times slower than two vectorised sums.

Where each domain is normalised with its own moments and nothing else depends on these, the moments are constants and
the backward pass is batch norm's. Otherwise they have a gradient of their own, at the price of one more pass.

Shapes: x ``[n_s + n_t, C, ...]``; moments, scale and shift ``[C]``, one for each domain.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmuda.functional import Moments, channel_moments, joined_moments
from mmuda.functional.moments import statistics_dtype
from mmuda.processes import gather_over_ranks, num_ranks, sum_over_ranks

Pair = tuple[Tensor, Tensor]
VECTOR = 16  # as many float32 as a vector register holds: fewer are not vectorised
FAR = 1e2  # mean² / var from where on the rounding of sums shows in the variance: 1e-4 of it here, on maps of 1024²


def measure(x: Tensor, num_source: int, constant: bool) -> list[Moments]:
    """Moments of the source and of the target rows; ``constant`` ones are for :func:`normalize_by_own` alone."""
    if not has_kernels(x):
        return [channel_moments(rows) for rows in x.tensor_split([num_source])]
    values = _Statistics.apply(x.detach() if constant else x, num_source)
    source, target = (rows * values_per_channel(x) for rows in (num_source, len(x) - num_source))
    return [Moments(*values[:2], source), Moments(*values[2:], target)]


def moments_of_all_ranks(*parts: Moments) -> list[Moments]:
    """Each part's moments over the values of all processes, which may hold unequal numbers: one collective."""
    if num_ranks() == 1:
        return list(parts)
    gathered = gather_over_ranks(torch.stack([_packed(part) for part in parts]))  # [ranks, parts, 2C + 1]
    return [joined_moments([_unpacked(row) for row in rows]) for rows in gathered.unbind(1)]


def _packed(part: Moments) -> Tensor:
    return torch.cat([part.mean, part.var, part.mean.new_full((1,), part.count)])  # a copy from the host would wait


def _unpacked(row: Tensor) -> Moments:
    channels = len(row) // 2
    return Moments(row[:channels], row[channels:-1], row[-1])


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
    """(x_d − center_d) · scale_d + shift_d of both domains."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_source: int, *channels: Tensor) -> Tensor:
        """Map the rows of both domains."""
        ctx.num_source = num_source
        ctx.save_for_backward(x, *channels[:4])
        out = torch.empty_like(x)
        for rows, center, scale, shift in zip(_domains(num_source), channels[:2], channels[2:4], channels[4:]):
            channel_map(x[rows], scale, shift, out[rows], center)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradient, and sum what center, scale and shift get of it."""
        x, *channels = ctx.saved_tensors
        grad = laid_out_as(x, grad)
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
        """Normalise the rows of both domains."""
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
        grad = laid_out_as(x, grad)
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


def laid_out_as(x: Tensor, grad: Tensor) -> Tensor:
    """A gradient in the memory format of ``x``, as the kernels want it."""
    return grad if grad.stride() == x.stride() else torch.empty_like(x).copy_(grad)


# ---- torch's kernels ----


def has_kernels(x: Tensor) -> bool:
    """Whether these functions know the tensor's device; a compiler makes better kernels of the plain formula."""
    return x.device.type in ('cpu', 'cuda') and not torch.compiler.is_compiling()


def values_per_channel(x: Tensor) -> int:
    """Of one row: the product of all dimensions after the channel's."""
    return prod(x.shape[2:])


def channel_map(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    out: Tensor,
    center: Tensor | None = None,
    var: Tensor | None = None,
    eps: float = 0.0,
) -> None:
    """``out`` = (x − center) · scale / sqrt(var + eps) + shift, without a center or a variance 0 and 1."""
    center = torch.zeros_like(scale) if center is None else center
    var = torch.ones_like(scale) if var is None else var
    results = (out, scale.new_empty(0), scale.new_empty(0))
    torch.native_batch_norm(x, scale, shift, center, var, False, 0.0, eps, out=results)


def channel_gradients(
    grad: Tensor, x: Tensor, scale: Tensor, mean: Tensor, inv_std: Tensor, with_input: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Of batch norm of ``x``, whose own moments these are: by its input (None without), by scale and by shift."""
    return torch.ops.aten.native_batch_norm_backward(
        grad, x, scale.to(mean.dtype), None, None, mean, inv_std, True, 0.0, [with_input, True, True]
    )


def channel_sums(a: Tensor, b: Tensor, center: Tensor, factor: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Σ a, and Σ a · (b − center) · factor."""
    factor = torch.ones_like(center) if factor is None else factor
    _, products, total = torch.ops.aten.native_batch_norm_backward(
        a, b, factor, center, factor, center, factor, True, 0.0, [False, True, True]
    )
    return total, products


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over all rows."""
    dtype = statistics_dtype(x)
    if x.is_cpu and x.is_contiguous() and x.dtype == dtype and values_per_channel(x) >= VECTOR:
        mean, var = _statistics_from_sums(x)
        if not (mean.square() > FAR * (var + 1e-5)).any():
            return mean, var
    running = torch.zeros(2, x.shape[1], dtype=dtype, device=x.device)  # says in what precision to compute
    return torch.batch_norm_update_stats(x, *running, 0.0)


def _statistics_from_sums(x: Tensor) -> tuple[Tensor, Tensor]:
    count = len(x) * values_per_channel(x)
    mean = x.mean([dim for dim in range(x.dim()) if dim != 1])
    total, products = channel_sums(x, x, mean)
    var = (products - mean * (total - count * mean)) / count  # the rounding of the mean is taken out again
    return mean, var.clamp_min_(0)
