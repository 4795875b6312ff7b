"""Spherical k-means from given centres: the pseudo-labels of ACDA (Neurocomputing 2022, Sec. 3.4) and CAN (CVPR 2019).

    d(x, y) = (1 − cos(x, y)) / 2

A class's first centre is the sum of the source features of that class, a cluster's next centre the sum of its members:
a cosine does not see the length, so a sum is a mean. ACDA says "k-means" and no more; the metric, the stop and the
empty cluster's centre are CAN's. CAN's released code matches the last centres with the first by the Hungarian method;
here a cluster keeps the class it started from, which is that matching as long as centres stay nearest their own start.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Clusters(NamedTuple):
    """Result of :func:`spherical_kmeans` for N samples and K clusters."""

    label: Tensor
    """``[N]`` int64, the nearest centre; of equals the first."""
    distance: Tensor
    """``[N]`` d to that centre, from 0 to 1."""
    centres: Tensor
    """``[K, C]`` sums of the members, by which the labels are."""
    iterations: int
    """How often the centres were computed."""


def class_centres(features: Tensor, label: Tensor, num_classes: int) -> Tensor:
    """Map ``[N, C]``, ``[N]`` → ``[K, C]``, the sum of each class's features; a negative label does not count."""
    members = F.one_hot(label.clamp_min(0), num_classes).to(features.dtype) * (label >= 0)[:, None]
    return members.T @ features


def centre_movement(first: Tensor, second: Tensor) -> Tensor:
    """Average d between rows of two ``[K, C]``: ¼·|u − v|² of unit vectors; two zero rows are no distance."""
    return (F.normalize(first) - F.normalize(second)).square().sum(1).mean() / 4


def spherical_kmeans(features: Tensor, centres: Tensor, max_iters: int = 100, tolerance: float = 0.005) -> Clusters:
    """Cluster ``features`` from ``centres`` on; without randomness.

    A cluster without members goes back to the centre that it started from. A sample that is a zero vector has distance
    ½ to every centre; a centre that is one, of a class without samples, attracts nobody.

    Args:
        features: ``[N, C]``.
        centres: ``[K, C]``, of any length.
        max_iters: How often the centres are computed at most.
        tolerance: Mean movement of the centres, in d, below which they have arrived.

    Raises:
        ValueError: Shapes that do not fit, features that are not finite, or no iteration.
    """
    _check(features, centres, max_iters)
    initial, directions = centres, F.normalize(features)
    iterations, arrived = 0, False
    while iterations < max_iters and not arrived:
        label = _assign(directions, centres)[0]
        sums = class_centres(features, label, len(centres))
        empty = label.bincount(minlength=len(centres)) == 0
        before, centres = centres, torch.where(empty[:, None], initial, sums)
        arrived = bool(centre_movement(before, centres) < tolerance)
        iterations += 1
    return Clusters(*_assign(directions, centres), centres, iterations)


def _assign(directions: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest centre ``[N]`` of each unit vector ``[N, C]``, and d to it."""
    distance = (1 - directions @ F.normalize(centres).T) / 2
    distance = distance.masked_fill(~centres.any(1), torch.inf)
    nearest = distance.min(1)
    return nearest.indices, nearest.values.clamp(0, 1)


def _check(features: Tensor, centres: Tensor, max_iters: int) -> None:
    if features.ndim != 2 or centres.ndim != 2 or features.shape[1] != centres.shape[1]:
        raise ValueError(
            f'k-means got features of shape {list(features.shape)} and centres of shape {list(centres.shape)}: give '
            '[N, C] and [K, C].'
        )
    if max_iters < 1:
        raise ValueError(f'k-means has max_iters={max_iters}: give 1 or more.')
    bad = int((~torch.isfinite(features).all(1)).sum())
    if bad:
        raise ValueError(
            f'{bad} of {len(features)} features are NaN or infinite: lower the learning rate, or look at the images.'
        )
