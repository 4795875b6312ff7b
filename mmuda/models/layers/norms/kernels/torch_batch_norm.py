"""Kernels of torch's batch norm under the name of what they compute, each one pass over a batch.

* :func:`channel_map`: x · scale + shift, written into a given tensor. Batch norm in evaluation.
* :func:`channel_gradients`: batch norm's backward pass as it is, where all rows are in this process.
* :func:`channel_sums`: Σ a and Σ a · (b − center) in one pass. The reduction of batch norm's backward.
* :func:`channel_statistics`: mean and biased variance.

They compute in float32 at least, whatever the precision of x, and take rows of a larger tensor without a copy. On a CPU
the last one is made of the third: torch's own kernel is a scalar loop there for contiguous float32 tensors, and six
times slower than two vectorised sums.

Shapes: x ``[n, C, ...]``; moments, scale and shift ``[C]``.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from mmuda.functional.moments import statistics_dtype

VECTOR = 16  # as many float32 as a vector register holds: fewer are not vectorised
FAR = 1e2  # mean² / var from where on the rounding of sums shows in the variance: 1e-4 of it here, on maps of 1024²


def has_kernels(x: Tensor) -> bool:
    """Tell whether these functions know the tensor's device; a compiler makes better kernels of the plain formula."""
    return x.device.type in ('cpu', 'cuda') and not torch.compiler.is_compiling()


def values_per_channel(x: Tensor) -> int:
    """Count the values of one row: the product of all dimensions after the channel's."""
    return prod(x.shape[2:])


def laid_out_as(x: Tensor, grad: Tensor) -> Tensor:
    """Lay a gradient out in the memory format of ``x``, as the kernels want it."""
    return grad if grad.stride() == x.stride() else torch.empty_like(x).copy_(grad)


def channel_map(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    out: Tensor,
    center: Tensor | None = None,
    var: Tensor | None = None,
    eps: float = 0.0,
) -> None:
    """Write ``out`` = (x − center) · scale / sqrt(var + eps) + shift, without a center or a variance 0 and 1."""
    center = torch.zeros_like(scale) if center is None else center
    var = torch.ones_like(scale) if var is None else var
    results = (out, scale.new_empty(0), scale.new_empty(0))
    torch.native_batch_norm(x, scale, shift, center, var, False, 0.0, eps, out=results)


def channel_gradients(
    grad: Tensor, x: Tensor, scale: Tensor, mean: Tensor, inv_std: Tensor, with_input: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return the gradients of batch norm of ``x``, whose moments these are: by input (or None), scale, shift."""
    return torch.ops.aten.native_batch_norm_backward(
        grad, x, scale.to(mean.dtype), None, None, mean, inv_std, True, 0.0, [with_input, True, True]
    )


def channel_sums(a: Tensor, b: Tensor, center: Tensor, factor: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Compute Σ a, and Σ a · (b − center) · factor."""
    factor = torch.ones_like(center) if factor is None else factor
    _, products, total = torch.ops.aten.native_batch_norm_backward(
        a, b, factor, center, factor, center, factor, True, 0.0, [False, True, True]
    )
    return total, products


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance over all rows."""
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
