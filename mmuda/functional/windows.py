"""Boxes and windows of multi-resolution training (HRDA, Hoyer et al., ECCV 2022, Sec. 3.2 and 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` − 1 and columns ``left`` to ``right`` − 1."""

    top: int
    bottom: int
    left: int
    right: int

    def crop(self, x: Tensor) -> Tensor:
        """Return the box of a map ``[..., H, W]``."""
        return x[..., self.top : self.bottom, self.left : self.right]

    def scaled(self, stride: int) -> Box:
        """Return the same box on a map whose pixels are ``stride`` times as large."""
        return Box(*(place // stride for place in self))


@torch.no_grad()
def shrink(images: Tensor, scale: float) -> Tensor:
    """Return images ``[B, 3, H, W]`` at ``scale`` of their size: a context. Pixels need no gradient."""
    return torch.nn.functional.interpolate(images, scale_factor=scale, mode='bilinear', align_corners=False)


def random_box(draw: Sequence[float], size: tuple[int, int], crop: tuple[int, int], divisible: int = 8) -> Box:
    """Place a detail crop in an image, its corner at a multiple of ``divisible``.

    As in the released code the last multiple is drawn only where the margin leaves more than it: of a margin of 512 the
    offsets are 0, 8, …, 504.

    Args:
        draw: Two numbers in [0, 1): for rows and columns.
        size: H and W of the image.
        crop: Height and width of the box.
        divisible: What the offsets are multiples of: the largest stride of the network's maps.

    Raises:
        ValueError: A crop that does not fit, or whose sides maps of that stride cannot hold.

    Example:
        >>> random_box((0.0, 0.99), (1024, 1024), (512, 512))
        Box(top=0, bottom=512, left=504, right=1016)
    """
    check_box(size, crop, divisible)
    places = [
        int(share * ((length - side + 1) // divisible or 1)) * divisible
        for share, length, side in zip(draw, size, crop)
    ]
    (top, left), (height, width) = places, crop
    return Box(top, top + height, left, left + width)


def check_box(size: tuple[int, int], crop: tuple[int, int], divisible: int) -> None:
    """Refuse a detail crop that does not fit into its image, or whose edges fall between the pixels of its maps."""
    if any(side > length for side, length in zip(crop, size)):
        raise ValueError(
            f'A detail crop of {crop[0]}×{crop[1]} does not fit into an image of {size[0]}×{size[1]}: make it smaller.'
        )
    if any(side % divisible for side in (*crop, *size)):
        raise ValueError(
            f'An image of {size[0]}×{size[1]} with a detail crop of {crop[0]}×{crop[1]} has a side that is no multiple '
            f'of {divisible}: choose sides that are.'
        )


def sliding_windows(size: tuple[int, int], crop: tuple[int, int], stride: tuple[int, int]) -> list[Box]:
    """Cover an image with overlapping windows, row by row; the last of a row or column ends at the border.

    Args:
        size: H and W of the image, at least those of the window.
        crop: Height and width of a window.
        stride: Steps between two windows.

    Example:
        >>> sliding_windows((4, 6), (4, 4), (2, 2))
        [Box(top=0, bottom=4, left=0, right=4), Box(top=0, bottom=4, left=2, right=6)]
    """
    tops, lefts = (_places(*axis) for axis in zip(size, crop, stride))
    return [Box(top, top + crop[0], left, left + crop[1]) for top in tops for left in lefts]


def average_windows(parts: Tensor, boxes: Sequence[Box], size: tuple[int, int]) -> Tensor:
    """Lay predictions of windows over an image and average them where they overlap.

    Args:
        parts: ``[len(boxes) · B, C, h, w]``, the first window of all images first.
        boxes: Where they lie, on the scale of ``parts``.
        size: H and W of the image on that scale; the windows cover it.

    Returns:
        ``[B, C, H, W]``.
    """
    parts = parts.unflatten(0, (len(boxes), -1)).unbind()
    margins = [(box.left, size[1] - box.right, box.top, size[0] - box.bottom) for box in boxes]
    pad = torch.nn.functional.pad  # unlike a sum in place, an exporter knows it
    count = sum(pad(torch.ones_like(part[:1, :1]), margin) for part, margin in zip(parts, margins))
    return sum(pad(part, margin) for part, margin in zip(parts, margins)) / count


def _places(length: int, side: int, stride: int) -> list[int]:
    number = max(length - side + stride - 1, 0) // stride + 1
    return [min(n * stride, length - side) for n in range(number)]


def inserted(part: Tensor, box: Box, size: tuple[int, int]) -> Tensor:
    """Lay a map ``[B, C, h, w]`` into zeros ``[B, C, H, W]``, where its box is."""
    whole = part.new_zeros(*part.shape[:2], *size)
    box.crop(whole).copy_(part)
    return whole


def fuse_scales(context: Tensor, detail: Tensor, attention: Tensor) -> Tensor:
    """Join a context and a detail prediction by the attention of their scales (Eq. 9).

        z = ζ(a) ∘ z_detail + ζ((1 − a) ∘ z_context)

    The context's product is formed on its own grid before ζ scales it up, as in the released code.

    Args:
        context: z_context ``[B, C, h, w]``.
        detail: z_detail ``[B, C, H, W]``, 0 outside its box.
        attention: a ``[B, C or 1, h, w]`` in [0, 1]; 0 outside the box.

    Returns:
        ``[B, C, H, W]``.
    """
    scale = dict(size=detail.shape[-2:], mode='bilinear', align_corners=False)
    resize = torch.nn.functional.interpolate
    return resize(attention, **scale) * detail + resize((1 - attention) * context, **scale)
