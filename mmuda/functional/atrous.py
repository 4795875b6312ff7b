"""Dilated depth-wise convolution by sub-grids: space to batch, as TensorFlow computes atrous convolutions.

With dilation d an output looks at inputs of its own residue of row and column modulo d only. So the convolution is d²
plain ones, each on one sub-grid, which together are one batch. In channels last a CPU has fast kernels for plain
depth-wise convolutions and none for dilated ones: forward and backward of a map [4, 1024, 64, 64] take half the time
in float32 and less in bfloat16 (docs/performance.md). Each output is the sum of the same products.

Shapes: x ``[B, C, H, W]``, its sub-grids ``[B·d², C, ⌈H / d⌉, ⌈W / d⌉]``, weight ``[C, 1, k, k]`` with k odd.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def atrous_depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """Do ``F.conv2d(x, weight, bias, padding=dilation * (k − 1) / 2, dilation=dilation, groups=C)``, channels last.

    Args:
        x: ``[B, C, H, W]``; in channels last its sub-grids are copies of whole rows of channels.
        weight: ``[C, 1, k, k]``, k odd.
        bias: ``[C]`` or None.
        dilation: d, of both axes.

    Returns:
        ``[B, C, H, W]``.

    Example:
        >>> x, weight = torch.rand(1, 2, 5, 7), torch.rand(2, 1, 3, 3)
        >>> plain = torch.nn.functional.conv2d(x, weight, padding=2, dilation=2, groups=2)
        >>> torch.allclose(atrous_depthwise(x, weight, None, 2), plain)
        True
    """
    return _AtrousDepthwise.apply(x, weight, bias, dilation)


def sub_grids(x: Tensor, dilation: int) -> Tensor:
    """Map ``[B, C, H, W]`` → ``[B·d², C, ⌈H / d⌉, ⌈W / d⌉]`` in channels last, zeros behind the last row and column."""
    batch, channels, height, width = x.shape
    rows, columns = -(-height // dilation), -(-width // dilation)
    grids = x.new_empty(batch, dilation, dilation, rows, columns, channels)
    if height % dilation:
        grids[:, height % dilation :, :, -1].zero_()
    if width % dilation:
        grids[:, :, width % dilation :, :, -1].zero_()
    for of_map, of_grids in _matching(x.permute(0, 2, 3, 1), grids):
        of_grids.copy_(of_map)
    return grids.view(-1, rows, columns, channels).permute(0, 3, 1, 2)


def joined_grids(grids: Tensor, dilation: int, shape: torch.Size) -> Tensor:
    """Return the inverse of :func:`sub_grids`: the map of this shape, in channels last."""
    x = torch.empty(shape, dtype=grids.dtype, device=grids.device, memory_format=torch.channels_last)
    grids = grids.permute(0, 2, 3, 1).unflatten(0, (shape[0], dilation, dilation))
    for of_map, of_grids in _matching(x.permute(0, 2, 3, 1), grids):
        of_map.copy_(of_grids)
    return x


def _matching(x: Tensor, grids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield parts of a map ``[B, H, W, C]`` and those of its sub-grids ``[B, d, d, ⌈H / d⌉, ⌈W / d⌉, C]``.

    Both are ``[B, d', d'', h, w, C]``: whole blocks of d × d pixels, and what is left of rows and columns.
    """
    dilation = grids.shape[1]
    for top, rows, down in _spans(x.shape[1], dilation):
        for left, columns, across in _spans(x.shape[2], dilation):
            part = x.narrow(1, top * dilation, rows * down).narrow(2, left * dilation, columns * across)
            part = part.unflatten(2, (columns, across)).unflatten(1, (rows, down)).permute(0, 2, 4, 1, 3, 5)
            yield part, grids[:, :down, :across, top : top + rows, left : left + columns]


def _spans(size: int, dilation: int) -> list[tuple[int, int, int]]:
    """Return blocks of an axis: where they begin, in blocks, how many they are, and how many pixels long."""
    whole, rest = divmod(size, dilation)
    return [span for span in ((0, whole, dilation), (whole, 1, rest)) if span[1] and span[2]]


class _AtrousDepthwise(torch.autograd.Function):
    """Keeps x, which other branches of an ASPP keep too, rather than its sub-grids."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
        """Convolve the sub-grids of ``x``, and join what comes of them."""
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        padding = weight.shape[-1] // 2
        y = F.conv2d(sub_grids(x, dilation), weight, bias, padding=padding, groups=len(weight))
        return joined_grids(y, dilation, x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """Take the gradients of a plain convolution of the sub-grids."""
        (x, weight), dilation = ctx.saved_tensors, ctx.dilation
        padding, wanted = weight.shape[-1] // 2, ctx.needs_input_grad[:3]
        of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
            *(sub_grids(grad, dilation), sub_grids(x, dilation), weight),
            *([len(weight)], [1, 1], [padding, padding], [1, 1], False, [0, 0], len(weight), list(wanted)),
        )
        return None if of_x is None else joined_grids(of_x, dilation, x.shape), of_weight, of_bias, None
