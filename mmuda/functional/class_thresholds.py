"""A threshold of pseudo-labels for each class, so that rare classes keep some: FDA's (CVPR 2020) and DPL's (ICCV 2021).

    t_k = min(above, the m-th smallest of the n_k confidences of pixels predicted as k)    m = round(drop · n_k)

m counts from 0. CBST (ECCV 2018), where this began, counts floor((1 − drop) · n_k) from the surest: one pixel more or
less.

The confidences of a whole data set are counted in bins, so that nobody has to keep them: thresholds are exact to
1 / BINS. Those of one batch are sorted, without reading anything on the host.

Shapes: K classes, `...` any number of dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 2**17


def count_confidences(label: Tensor, confidence: Tensor, num_classes: int) -> Tensor:
    """Count the pixels of each class by their confidence.

    Args:
        label: ``[...]`` predicted classes.
        confidence: ``[...]``, the probability of these, in [0, 1].
        num_classes: K.

    Returns:
        ``[K, BINS]`` of int64; counts of several images are added up.
    """
    place = label.flatten().long() * BINS + _bin(confidence.flatten())
    return torch.bincount(place, minlength=num_classes * BINS).view(num_classes, BINS)


def class_thresholds(counts: Tensor, drop: float, above: float = 1.0) -> Tensor:
    """Find the confidence from which on a pixel keeps its label.

    Args:
        counts: ``[K, BINS]``, see :func:`count_confidences`.
        drop: The share of each class's pixels that loses its label, the least sure; 0.66 in FDA, 0.3 in DPL.
        above: A confidence that is always enough; 0.9 in both.

    Returns:
        ``[K]`` of float64, 0 for a class that no pixel has.

    Example:
        >>> counts = count_confidences(torch.tensor([0, 0, 0, 1]), torch.tensor([0.25, 0.5, 0.75, 0.5]), num_classes=3)
        >>> class_thresholds(counts, drop=0.5)
        tensor([0.7500, 0.5000, 0.0000], dtype=torch.float64)
    """
    pixels = counts.sum(1)
    smaller = (drop * pixels.double()).round().long()
    smaller = torch.minimum(smaller, (pixels - 1).clamp_min(0))  # the surest one is kept, however few there are
    place = (counts.cumsum(1) <= smaller[:, None]).sum(1)
    return torch.where(pixels > 0, place / BINS, 0.0).double().clamp_max(above)


def surest_labels(label: Tensor, confidence: Tensor, thresholds: Tensor, ignore_index: int = 255) -> Tensor:
    """Keep the labels of the pixels that reach the threshold of their class.

    Args:
        label, confidence: See :func:`count_confidences`.
        thresholds: ``[K]``.
        ignore_index: Of all others.

    Returns:
        ``[...]`` of the labels' type.
    """
    return label.masked_fill(confidence.double() < thresholds[label.long()], ignore_index)


def surest_of_each_class(
    label: Tensor, confidence: Tensor, num_classes: int, drop: float, above: float = 1.0, valid: Tensor | None = None
) -> Tensor:
    """Find the pixels of a batch that keep their label, by the thresholds of this batch alone.

    Args:
        label, confidence, num_classes: See :func:`count_confidences`.
        drop, above: See :func:`class_thresholds`. Of equally sure pixels as many are dropped as the share says.
        valid: ``[...]`` bool, False for pixels that are not counted and never kept (None: all are).

    Returns:
        ``[...]`` bool.

    Example:
        >>> label, confidence = torch.tensor([0, 0, 0, 1]), torch.tensor([0.9, 0.7, 0.8, 0.3])
        >>> surest_of_each_class(label, confidence, num_classes=2, drop=0.5)
        tensor([ True, False, False,  True])
    """
    place, sure = label.flatten().long(), confidence.flatten().double()
    if valid is not None:
        place = place.masked_fill(~valid.flatten(), num_classes)
    order = (place + sure.clamp(0, 1) / 2).argsort()  # class by class, from the least sure
    pixels = torch.zeros(num_classes + 1, dtype=torch.long, device=place.device)
    pixels = pixels.scatter_add(0, place, torch.ones_like(place))
    dropped = torch.minimum((drop * pixels.double()).round().long(), (pixels - 1).clamp_min(0))
    first_kept = pixels.cumsum(0) - pixels + dropped
    position = torch.arange(len(place), device=place.device)
    kept = torch.empty_like(place, dtype=torch.bool).scatter(0, order, position >= first_kept[place[order]])
    kept = (kept | (sure >= above)) & (place < num_classes)
    return kept.view(label.shape)


def _bin(confidence: Tensor) -> Tensor:
    return (confidence.double() * BINS).long().clamp(0, BINS - 1)
