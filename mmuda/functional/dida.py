"""Depth-wise convolution with kernels made for each instance: DIDA-Net's Eqs. 2 and 3, without a loop over these.

DIDA-Net (Deng et al., IEEE T-IP 2022) makes the kernel of channel c from that channel's mean g_c by a linear map that
all channels share, K_c = g_c · U + V. Hence, exactly,

    K_c ⋆ F_c = g_c · (F_c ⋆ U) + F_c ⋆ V

two fixed filters and a gate, whatever the number of instances. The released code makes N · C kernels and convolves
instance by instance: :func:`dynamic_depthwise_conv`, which takes any kernels and is what tests compare with.

A filter that all channels share is a matrix on the positions of a map. On the small maps at the end of a network one
product with that matrix is faster than a depth-wise convolution. On a GPU such maps cost the launch of an operation
each, and one convolution of N · C groups has the fewest (docs/performance.md).

Shapes: x ``[N, C, H, W]``, gate ``[N, C]``, slope U and offset V ``[k, k]`` (k odd), kernels ``[N, C, k, k]``; the
result has the size of x divided by the stride, rounded up.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

MATRIX_POSITIONS = 196  # up to 14 × 14 the product is as fast as a depth-wise convolution or faster
FORMS = ('auto', 'factorized', 'convolved', 'grouped', 'loop')


def instance_conv(
    x: Tensor,
    gate: Tensor,
    slope: Tensor,
    offset: Tensor | None = None,
    dilation: int = 1,
    stride: int = 1,
    form: str = 'auto',
) -> Tensor:
    """Convolve each channel of each instance with its own kernel gate · slope + offset.

    Args:
        x, gate, slope, offset: See above; no ``offset`` is an offset of 0.
        dilation, stride: Of the convolution; it is padded by dilation · (k − 1) / 2.
        form: ``factorized``, the same by convolutions alone (``convolved``), as an exported graph has it for maps of
            any size, or the kernels made one by one and applied ``grouped`` or in a ``loop`` over instances; ``auto``
            is ``grouped`` on a GPU, which was measured on maps of 7 × 7 and 14 × 14, and ``factorized`` elsewhere.
    """
    if form == 'auto':
        form = 'grouped' if x.is_cuda else 'factorized'
    if form in ('grouped', 'loop'):
        kernels = instance_kernels(gate, slope, offset)
        return dynamic_depthwise_conv(x, kernels, dilation, stride, loop=form == 'loop')
    gate = gate[..., None, None]
    positions = 0 if form == 'convolved' else MATRIX_POSITIONS
    if offset is None:
        return gate * shared_filters(x, slope[None], dilation, stride, positions)[0]
    sloped, fixed = shared_filters(x, torch.stack((slope, offset)), dilation, stride, positions)
    return torch.addcmul(fixed, gate, sloped)


def full_precision(device: torch.device) -> AbstractContextManager:
    """Keep the precision of products under mixed precision, which some devices, such as ``meta``, do not know."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


def instance_kernels(gate: Tensor, slope: Tensor, offset: Tensor | None = None) -> Tensor:
    """Compute K_c = g_c · U + V: ``[N, C, k, k]``, a column times a row, whose gradients are products, too."""
    row, column = slope.reshape(1, -1), gate.reshape(-1, 1).to(slope.dtype)
    with full_precision(slope.device):
        kernels = column @ row if offset is None else torch.addmm(offset.reshape(1, -1), column, row)
    return kernels.view(*gate.shape, *slope.shape)


def dynamic_depthwise_conv(
    x: Tensor, kernels: Tensor, dilation: int = 1, stride: int = 1, loop: bool = False
) -> Tensor:
    """Convolve each channel of each instance with its own kernel: in one grouped convolution, or one by one."""
    (n, c), k = x.shape[:2], kernels.shape[-1]
    options = dict(stride=stride, padding=_padding(k, dilation), dilation=dilation)
    if loop:
        return torch.cat([F.conv2d(x[i : i + 1], kernels[i, :, None], groups=c, **options) for i in range(n)])
    y = F.conv2d(x.reshape(1, n * c, *x.shape[2:]), kernels.reshape(n * c, 1, k, k), groups=n * c, **options)
    return y.view(n, c, *y.shape[2:])


def shared_filters(
    x: Tensor, filters: Tensor, dilation: int = 1, stride: int = 1, matrix_positions: int = MATRIX_POSITIONS
) -> list[Tensor]:
    """Convolve ``x`` with each of ``filters`` ``[Q, k, k]``, which all channels share: Q maps.

    Maps of at most ``matrix_positions`` are multiplied by a matrix, larger ones convolved.
    """
    (n, _, h, w), c, k = x.shape, int(x.shape[1]), int(filters.shape[-1])  # plain numbers in a trace, too
    options = dict(stride=stride, padding=_padding(k, dilation), dilation=dilation)
    if h * w > matrix_positions:
        return [F.conv2d(x, kernel.expand(c, 1, k, k), groups=c, **options) for kernel in filters]
    positions = torch.eye(h * w, dtype=x.dtype, device=x.device).view(h * w, 1, h, w)
    matrix = F.conv2d(positions, filters[:, None], **options)  # what each position gives to each position
    rows, size = x.reshape(n * c, h * w), matrix.shape[2:]
    return [(rows @ part).view(n, c, *size) for part in matrix.flatten(2).unbind(1)]


def _padding(kernel: int, dilation: int) -> int:
    return dilation * (kernel - 1) // 2
