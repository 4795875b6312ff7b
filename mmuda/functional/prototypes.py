"""Class prototypes: the mean feature of each class in each image, so that pixels become few vectors.

A prototype is the mean over an image's pixels of one class, a pixel having the feature of the cell that it lies in (its
nearest neighbour). Instead of features at the size of the label, cells are weighed by how many of their pixels show the
class:

    f_bk = Σ_p n_bkp f_bp / Σ_p n_bkp        n_bkp: pixels of class k in cell p of image b

which is the same mean, and needs neither features nor a one-hot map of H × W.

Shapes: B images, C channels, K classes, h × w cells, H × W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .mmd import widened


def class_prototypes(
    features: Tensor, label: Tensor, num_classes: int, ignore_index: int = 255
) -> tuple[Tensor, Tensor]:
    """Average one vector for each image and class; the class of row r is ``r % num_classes``.

    Args:
        features: ``[B, C, h, w]``, receives the gradient.
        label: ``[B, H, W]`` class indices, H ≥ h and W ≥ w. Pixels of no class below ``num_classes`` do not count.
        num_classes: K.
        ignore_index: Pixels that do not count even where it is below K.

    Returns:
        ``[B·K, C]`` of at least float32, and ``[B·K]`` bool: whether the image shows the class. Where it does not, the
        vector is 0.

    Raises:
        ValueError: Labels of other images, or coarser than the features.
    """
    _check(features, label)
    cells = features.shape[2] * features.shape[3]
    with torch.autocast(features.device.type, enabled=False):
        values = widened(features).flatten(2).mT  # [B, hw, C]
        counts = _counts(label, num_classes, ignore_index, tuple(features.shape[2:])).to(values.dtype)
        counts = counts.view(len(label), cells, num_classes).mT  # [B, K, hw]
        total = counts.sum(2, keepdim=True)
        return (counts @ values / total.clamp_min(1)).flatten(0, 1), total.flatten() > 0


def _counts(label: Tensor, num_classes: int, ignore_index: int, size: tuple[int, int]) -> Tensor:
    """Return pixels of each class in each cell ``[B, h·w·K]``."""
    height, width = label.shape[1:]
    row = torch.arange(height, device=label.device) * size[0] // height
    column = torch.arange(width, device=label.device) * size[1] // width
    cell = row[:, None] * size[1] + column  # [H, W]
    counted = (label >= 0) & (label < num_classes) & (label != ignore_index)
    index = (cell * num_classes + torch.where(counted, label, 0)).flatten(1)
    counts = torch.zeros(len(label), size[0] * size[1] * num_classes, device=label.device)
    return counts.scatter_add_(1, index, counted.flatten(1).float())


def _check(features: Tensor, label: Tensor) -> None:
    if features.dim() != 4 or label.dim() != 3 or len(features) != len(label):
        raise ValueError(
            f'Class prototypes need features [B, C, h, w] and labels [B, H, W], but got {list(features.shape)} and '
            f'{list(label.shape)}: tap a feature map, and give the label map of each image.'
        )
    if label.shape[1] < features.shape[2] or label.shape[2] < features.shape[3]:
        raise ValueError(
            f'Class prototypes got label maps of {list(label.shape[1:])} for features of {list(features.shape[2:])}: '
            'give labels at least as fine as the features.'
        )
