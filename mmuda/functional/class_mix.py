"""Which pixels of a source image are pasted onto a target image: those of some of its classes (ClassMix, WACV 2021).

Shapes: B images of H × W pixels. Labels are bytes: a *table* ``[B, 256]`` says something of each value that a label of
image b may have, 255 being that of ignored pixels, so that nobody waits for the device to learn which values occur.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

VALUES = 256


def class_mask(label: Tensor, classes: Sequence[Tensor]) -> Tensor:
    """Mark the pixels of some classes.

    Args:
        label: ``[B, H, W]`` class indices.
        classes: One 1-d tensor of class indices an image.

    Returns:
        ``[B, H, W]`` bool.

    Example:
        >>> class_mask(torch.tensor([[[0, 1], [2, 255]]]), [torch.tensor([1, 255])])
        tensor([[[False,  True],
                 [False,  True]]])
    """
    table = torch.zeros(len(label), VALUES, dtype=torch.bool, device=label.device)
    for row, chosen in zip(table, classes, strict=True):
        row[chosen] = True
    return look_up(table, label)


def look_up(table: Tensor, label: Tensor) -> Tensor:
    """Look ``table[b, label[b]]`` up for each pixel: ``[B, 256]`` and ``[B, H, W]`` → ``[B, H, W]``."""
    return table.gather(1, label.flatten(1)).view(label.shape)


def present_classes(label: Tensor, ignore_index: int | None = None) -> Tensor:
    """Find the values that each label map shows: ``[B, H, W]`` → table ``[B, 256]`` of bool.

    Args:
        label: Class indices.
        ignore_index: A value that is no class (None: each is one, ignored pixels too, as in the released code).
    """
    table = torch.zeros(len(label), VALUES, dtype=torch.bool, device=label.device)
    table.scatter_(1, label.flatten(1), True)
    if ignore_index is not None:
        table[:, ignore_index] = False
    return table


def draw_half(present: Tensor, draw: Tensor, rounding: str = 'ceil') -> Tensor:
    """Choose half of the classes of each image at random, without replacement.

    Args:
        present: Table ``[B, 256]`` of the classes to choose from.
        draw: ``[B, 256]`` in [0, 1); the present classes with the largest draws are chosen.
        rounding: ``ceil`` or ``floor``, of half an odd number.

    Returns:
        Table ``[B, 256]`` of bool.
    """
    half = (present.sum(1, keepdim=True) + (rounding == 'ceil')) // 2
    rank = draw.masked_fill(~present, -1).argsort(1, descending=True).argsort(1)
    return rank < half


def mix(mask: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Take ``a`` where the mask is True and ``b`` elsewhere.

    Args:
        mask: ``[B, H, W]`` bool.
        a, b: ``[B, H, W]`` or ``[B, C, H, W]``; the mask is broadcast over channels.
    """
    return torch.where(mask if a.dim() == mask.dim() else mask.unsqueeze(1), a, b)
