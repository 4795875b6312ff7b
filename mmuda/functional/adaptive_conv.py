"""All kernels of a DIDA module made and applied together, with the gradient written out: what a GPU has to launch.

DIDA-Net (Deng et al., IEEE T-IP 2022) makes the kernel of channel r of instance n for dilation d from the channel's
mean g by two linear maps of one number that all channels share,

    K_d = a_d (g w_d + b_d) + s_d = g · U_d + V_d,    U_d = a_d w_d,    V_d = a_d b_d + s_d

and convolves ReLU(F) with it. Here kernels of all dilations lie in windows of the size of the largest, so that one
grouped convolution applies them; the few parameters are gathered by one index, which also puts them in their windows,
and U and V of all dilations are one product. Forward and backward make 20 operations together, whatever D is: two
of the convolution, two of the order of its maps, four of the two ReLUs, the mean, the sum of F's two gradients, four of
the kernels and six of the parameters.

Shapes: N instances, R channels, D dilations, windows of e × e.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .dida import full_precision

ZERO, ONE = 0, 1  # where these two numbers stand in front of the parameters


class Maps(NamedTuple):
    """The parameters of one dilation: w and b ``[k²]``, a and s ``[1]`` in any shape; None where there is none."""

    weight: Tensor
    bias: Tensor | None = None
    scale: Tensor | None = None
    shift: Tensor | None = None


def adaptive_conv(reduced: Tensor, maps: Sequence[Maps], dilations: Sequence[int], stride: int = 1) -> Tensor:
    """Convolve ReLU(F) of each instance with its own kernels of each dilation.

    Args:
        reduced: F ``[N, R, H, W]``.
        maps: The parameters of each dilation, all with the same ones.
        dilations: D numbers.
        stride: Of the convolution, which is padded by half a kernel.

    Returns:
        ``[N, D, R, ⌈H / stride⌉, ⌈W / stride⌉]``.
    """
    sizes = tuple(round(each.weight.numel() ** 0.5) for each in maps)
    known = tuple(parameter is not None for parameter in maps[0])
    plan = _plan(sizes, tuple(dilations), known, reduced.device)
    with full_precision(reduced.device):
        slopes = _Slopes.apply(plan, *(parameter for each in maps for parameter in each if parameter is not None))
        return _Apply.apply(reduced, slopes, plan.window, stride)


class _Plan(NamedTuple):
    """Where the parameters go, from ``[0, 1, those of the first dilation, …]``, and where their gradients are.

    ``index``: the table ``[2 D, cols]``, whose rows are multiplied by a_d and s_d, and these 2 D factors behind it.
    """

    index: Tensor
    inverse: Tensor
    rows: int
    window: int


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _plan(sizes: tuple[int, ...], dilations: tuple[int, ...], known: tuple[bool, ...], device: torch.device) -> _Plan:
    _, has_bias, has_scale, has_shift = known
    count, window = len(dilations), max(d * (k - 1) + 1 for k, d in zip(sizes, dilations))
    table = torch.full((count, 2, 1 + (has_bias or has_shift), count, window, window), ZERO)
    factors, inverse, position = torch.full((count, 2), ZERO), [], ONE + 1
    places = torch.arange(table.numel() + factors.numel())
    in_table, in_factors = places[: table.numel()].view_as(table), places[table.numel() :].view_as(factors)
    for number, (size, dilation) in enumerate(zip(sizes, dilations, strict=True)):
        first = (window - (dilation * (size - 1) + 1)) // 2
        taps = slice(first, window - first, dilation)
        for part in range(1 + has_bias):  # w into U, b into V
            target = table[number, 0, part, number, taps, taps]
            target.copy_(torch.arange(position, position + size**2).view(size, size))
            inverse.append(in_table[number, 0, part, number, taps, taps].flatten())
            position += size**2
        factors[number, 0] = ONE
        for part, has in enumerate((has_scale, has_shift)):
            if has:
                factors[number, part] = position
                inverse.append(in_factors[number, part].view(1))
                position += 1
        if has_shift:
            table[number, 1, 1, number, taps, taps] = ONE
    index = torch.cat((table.flatten(), factors.flatten()))
    return _Plan(index.to(device), torch.cat(inverse).to(device), 2 * count, window)


class _Slopes(torch.autograd.Function):
    """U, and below it V where there are biases, of all dilations: ``[1 or 2, D · e²]``."""

    @staticmethod
    def forward(ctx, plan: _Plan, *parameters: Tensor) -> Tensor:
        """Gather the parameters by the plan's index, and multiply factors and table."""
        constants = _constants(parameters[0].dtype, parameters[0].device)
        flat = torch.cat([constants, *(parameter.reshape(-1) for parameter in parameters)])
        chosen = flat.index_select(0, plan.index)
        table, factors = chosen[: -plan.rows].view(plan.rows, -1), chosen[-plan.rows :].view(1, -1)
        ctx.save_for_backward(table, factors)
        ctx.plan, ctx.shapes = plan, [parameter.shape for parameter in parameters]
        return (factors @ table).view(-1, plan.rows // 2 * plan.window**2)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        """Give each parameter the gradient of the places that it was gathered to."""
        table, factors = ctx.saved_tensors
        grad = grad.reshape(1, -1)
        found = torch.empty(table.numel() + factors.numel(), dtype=grad.dtype, device=grad.device)
        torch.mm(factors.t(), grad, out=found[: table.numel()].view_as(table))
        torch.mm(grad, table.t(), out=found[table.numel() :].view_as(factors))
        parts = found.index_select(0, ctx.plan.inverse).split([shape.numel() for shape in ctx.shapes])
        return None, *(part.view(shape) for part, shape in zip(parts, ctx.shapes))


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _constants(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return what stands in front of the parameters, moved to the device once."""
    return torch.tensor([0.0, 1.0], dtype=dtype, device=device)


class _Apply(torch.autograd.Function):
    """Means of the channels → kernels → convolution of ReLU(F); see :func:`adaptive_conv`."""

    @staticmethod
    def forward(ctx, reduced: Tensor, slopes: Tensor, window: int, stride: int) -> Tensor:
        """Make a kernel for each channel of each instance, and convolve all of them as groups."""
        n, r = reduced.shape[:2]
        feature = reduced.relu()
        gate = reduced.mean((2, 3), dtype=slopes.dtype).relu_().view(-1, 1)
        kernels = gate @ slopes if len(slopes) == 1 else torch.addmm(slopes[1], gate, slopes[:1])
        ctx.save_for_backward(feature, gate, slopes, kernels)
        ctx.options = (stride, window)
        x = feature.reshape(1, n * r, *feature.shape[2:])
        weight = kernels.to(x.dtype).view(-1, 1, window, window)
        y = F.conv2d(x, weight, stride=stride, padding=window // 2, groups=n * r)
        return y.view(n, r, -1, *y.shape[2:]).transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        """Return the gradients of ``reduced`` and ``slopes``, each in one pass over what the forward pass kept."""
        feature, gate, slopes, kernels = ctx.saved_tensors
        (n, r, h, w), (stride, window) = feature.shape, ctx.options
        grad = grad.transpose(1, 2).reshape(1, -1, *grad.shape[3:])
        x, weight = feature.reshape(1, n * r, h, w), kernels.to(feature.dtype).view(-1, 1, window, window)
        half = [window // 2] * 2
        to_feature, to_kernels, _ = torch.ops.aten.convolution_backward(
            grad, x, weight, None, [stride] * 2, half, [1, 1], False, [0, 0], n * r, [True, True, False]
        )
        to_kernels = to_kernels.to(slopes.dtype).view_as(kernels)
        to_slopes = torch.empty_like(slopes)
        torch.mm(gate.t(), to_kernels, out=to_slopes[:1])
        if len(slopes) == 2:
            torch.sum(to_kernels, 0, out=to_slopes[1])
        to_gate = torch.ops.aten.threshold_backward(to_kernels @ slopes[0].unsqueeze(1), gate, 0)
        to_reduced = torch.ops.aten.threshold_backward(to_feature.view_as(feature), feature, 0)
        return to_reduced.add_(to_gate.view(n, r, 1, 1), alpha=1 / (h * w)), to_slopes, None, None
