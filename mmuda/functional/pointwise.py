"""1×1 convolution, by the faster of torch's two implementations on a CPU.

torch leaves a convolution to oneDNN, except where the filters are 1×1, the batch has less than 16 maps and there is one
thread: there it multiplies matrices map by map, and lays maps of channels last out anew. One thread is what a process
has that trains beside others, and oneDNN takes half the time there (docs/performance.md). A 1×1 filter has no
neighbours to look at, so any dilation gives the same result, and one above 1 makes torch choose oneDNN.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pointwise_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``F.conv2d(x, weight, bias)`` of 1×1 filters.

    Args:
        x: ``[B, C, H, W]``, on any device and in any layout.
        weight: ``[D, C, 1, 1]``.
        bias: ``[D]`` or None.

    Returns:
        ``[B, D, H, W]``.

    Raises:
        ValueError: The filters are larger than 1×1, so a dilation would count.

    Example:
        >>> x, weight = torch.rand(2, 3, 4, 5), torch.rand(7, 3, 1, 1)
        >>> torch.allclose(pointwise_conv(x, weight), torch.nn.functional.conv2d(x, weight), atol=1e-6)
        True
    """
    if in_a_graph():
        return F.conv2d(x, weight, bias)
    if weight.shape[2:] != (1, 1):
        raise ValueError(f'pointwise_conv takes 1×1 filters, not {"×".join(map(str, weight.shape[2:]))}.')
    return F.conv2d(x, weight, bias, dilation=2 if x.is_cpu else 1)


def in_a_graph() -> bool:
    """Tell whether this call is traced, exported or compiled, perhaps for another device."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling()
