"""Which box of an image is pasted onto another (CutMix for segmentation, French et al., BMVC 2020, Sec. 3.2).

Shapes: B images of H × W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def box_mask(draw: Tensor, area: float, size: tuple[int, int]) -> Tensor:
    """Mark a box of a given area in each image: its shape and its place are random, and it lies within the image.

        h = area^u · H,  w = area^(1 − u) · W,  top = v · (H − h),  left = x · (W − w),  each rounded

    Args:
        draw: ``[B, 3]``, uniform in [0, 1): u, v and x of each image.
        area: The box's share of the image; one half in the paper.
        size: H and W of the image.

    Returns:
        Bool ``[B, H, W]``, True in the box.

    Example:
        >>> box_mask(torch.tensor([[0.5, 0.0, 0.9]]), area=0.25, size=(2, 4)).int()
        tensor([[[0, 0, 1, 1],
                 [0, 0, 0, 0]]], dtype=torch.int32)
    """
    shape, *place = draw.unbind(1)
    sides = area**shape, area ** (1 - shape)
    inside = []
    for length, side, start in zip(size, sides, place, strict=True):
        extent = (side * length).round()
        first = (start * (length - extent)).round()
        position = torch.arange(length, device=draw.device)
        inside.append((position >= first[:, None]) & (position < (first + extent)[:, None]))
    return inside[0][:, :, None] & inside[1][:, None, :]
