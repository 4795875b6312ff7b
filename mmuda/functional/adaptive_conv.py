"""All filters of a DIDA module made and applied together, with the gradient written out: what a GPU has to launch.

DIDA-Net (Deng et al., IEEE T-IP 2022) makes the kernel of channel r of instance n for dilation d from the channel's
mean g by two linear maps of one number that all channels share,

    K_d = a_d (g w_d + b_d) + s_d = g · U_d + V_d,    U_d = a_d w_d,    V_d = a_d b_d + s_d

and convolves ReLU(F) with it. A convolution is linear in its kernel, so no kernel has to be made:

    K_d ⋆ F = g · (U_d ⋆ F) + V_d ⋆ F

Here U and V of all dilations lie in windows of the size of the largest, so one convolution of maps of one channel
applies them. U and V are products of parameters, so their Jacobian is made of parameters, too: one gather makes it,
its rows of a and s times a and s are U and V, and all of it times their gradient is that of the parameters.

Forward and backward make 15 operations together, whatever D is: two of the convolution, two of the blend, two of
F's ReLU, the mean, two of the gate's ReLU, the gate's gradient, the sum of F's two gradients, and four of the
parameters.

Shapes: N instances, R channels, D dilations, windows of e × e, P parameters and constants.
"""

from __future__ import annotations

import math
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
    plan = _plan(
        tuple(round(each.weight.numel() ** 0.5) for each in maps),
        tuple(dilations),
        tuple(parameter is not None for parameter in maps[0]),
        reduced.device,
    )
    weights, biases, scales, shifts = zip(*maps)
    constants = _numbers((0.0, 1.0), weights[0].dtype, reduced.device)
    scales = [constants[ONE] if scale is None else scale for scale in scales]
    parameters = (parameter for parameter in (*weights, *biases, *scales, *shifts) if parameter is not None)
    with full_precision(reduced.device):
        return _Apply.apply(reduced, _Filters.apply(plan, constants, *parameters), stride)


class _Plan(NamedTuple):
    """Where the numbers of the Jacobian ``[P, 2 D e²]`` stand in ``[0, 1, w of all dilations, b, a, s]``.

    The last ``factors`` of these are a and s.
    """

    index: Tensor
    factors: int
    window: int


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _plan(sizes: tuple[int, ...], dilations: tuple[int, ...], known: tuple[bool, ...], device: torch.device) -> _Plan:
    _, has_bias, _, has_shift = known
    count, window = len(dilations), max(d * (k - 1) + 1 for k, d in zip(sizes, dilations))
    lengths = [size**2 for size in sizes] * (1 + has_bias) + [1] * count * (1 + has_shift)
    places = torch.arange(ONE + 1, ONE + 1 + sum(lengths)).split(lengths)
    kinds = [places[first : first + count] for first in range(0, len(places), count)]
    scales, shifts = kinds[1 + has_bias], kinds[-1]
    index = torch.full((ONE + 1 + sum(lengths), 2, count, window, window), ZERO)
    for d, (size, dilation) in enumerate(zip(sizes, dilations, strict=True)):
        margin = (window - (dilation * (size - 1) + 1)) // 2
        taps = slice(margin, window - margin, dilation)
        for part, own in enumerate(kinds[: 1 + has_bias]):  # U = a w, V = a b
            rows = index[:, part, d, taps, taps]
            rows[scales[d]] = own[d].view(1, size, size)
            rows[own[d]] = scales[d].expand(size**2).diag().view(-1, size, size)  # beside the diagonal is ZERO
        if has_shift:
            index[shifts[d], 1, d, taps, taps] = ONE
    return _Plan(index.flatten().to(device), count * (1 + has_shift), window)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _numbers(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return constants, moved to the device once."""
    return torch.tensor(values, dtype=dtype, device=device)


class _Filters(torch.autograd.Function):
    """U and V of all dilations ``[2, D, e, e]``; V is 0 where there are neither biases nor shifts."""

    @staticmethod
    def forward(ctx, plan: _Plan, *parameters: Tensor) -> Tensor:
        """Gather the Jacobian, and multiply its rows of a and s by a and s."""
        flat = torch.cat([parameter.reshape(-1) for parameter in parameters])
        jacobian = flat.index_select(0, plan.index).view(len(flat), -1)
        ctx.save_for_backward(jacobian)
        ctx.shapes = [parameter.shape for parameter in parameters]
        filters = flat[-plan.factors :].view(1, -1) @ jacobian[-plan.factors :]
        return filters.view(2, -1, plan.window, plan.window)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        """Return the Jacobian times the gradient of U and V."""
        (jacobian,) = ctx.saved_tensors
        parts = (jacobian @ grad.reshape(-1)).split([shape.numel() for shape in ctx.shapes])
        return None, *(part.view(shape) for part, shape in zip(parts, ctx.shapes))


class _Apply(torch.autograd.Function):
    """Means of the channels → gate → the filtered ReLU(F), blended; see :func:`adaptive_conv`."""

    @staticmethod
    def forward(ctx, reduced: Tensor, filters: Tensor, stride: int) -> Tensor:
        """Filter all maps alike, and blend what U and V make of them: the sum is written in the order of the result."""
        (n, r, h, w), window = reduced.shape, filters.shape[-1]
        feature = reduced.relu()
        mean = reduced.mean((2, 3), dtype=filters.dtype).view(-1, 1)
        lowest, highest = (_numbers(ends, mean.dtype, mean.device) for ends in ((0.0, 1.0), (math.inf, 1.0)))
        gate = mean.clamp(lowest, highest)  # beside ReLU(g) stands the 1 of V
        x, weight = feature.reshape(n * r, 1, h, w), filters.to(feature.dtype).view(-1, 1, window, window)
        found = F.conv2d(x, weight, stride=stride, padding=window // 2)
        found = found.view(n, r, 2, -1, *found.shape[2:])
        ctx.save_for_backward(feature, gate, filters, found)
        ctx.stride = stride
        sloped, fixed = found.unbind(2)
        blend = torch.empty((n, sloped.shape[2], r, *found.shape[4:]), dtype=found.dtype, device=found.device)
        torch.addcmul(fixed, gate[:, 0].view(n, r, 1, 1, 1), sloped, out=blend.transpose(1, 2))
        return blend

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        """Return the gradients of ``reduced`` and ``filters``, each in one pass over what the forward pass kept."""
        feature, gate, filters, found = ctx.saved_tensors
        (n, r, h, w), window = feature.shape, filters.shape[-1]
        to_found = torch.empty_like(found)
        torch.mul(grad.transpose(1, 2).unsqueeze(2), gate.view(n, r, 2, 1, 1, 1), out=to_found)
        flat, kept = to_found.view(n * r, 2, -1), found.view(n * r, 2, -1)
        to_gate = torch.bmm(flat[:, 1:], kept[:, :1].transpose(1, 2)).view(n, r, 1, 1)  # V's is the result's own
        x, weight = feature.reshape(n * r, 1, h, w), filters.to(feature.dtype).view(-1, 1, window, window)
        to_feature, to_filters, _ = torch.ops.aten.convolution_backward(
            to_found.view(n * r, -1, *found.shape[4:]), x, weight, None,
            [ctx.stride] * 2, [window // 2] * 2, [1, 1], False, [0, 0], 1, [True, True, False],
        )  # fmt: skip
        to_gate = torch.ops.aten.threshold_backward(to_gate, gate[:, 0].view(n, r, 1, 1), 0)
        to_reduced = torch.ops.aten.threshold_backward(to_feature.view_as(feature), feature, 0)
        to_reduced.add_(to_gate, alpha=1 / (h * w))
        return to_reduced, to_filters.to(filters.dtype).view_as(filters), None
