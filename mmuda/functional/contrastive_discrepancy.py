"""Contrastive domain discrepancy (CAN, Kang et al., CVPR 2019, Eqs. 4–6): MMD² class by class.

    D(c₁, c₂) = MMD² of the source samples of class c₁ and the target samples of class c₂
    intra = mean_c D(c, c)        inter = mean_{c₁ ≠ c₂} D(c₁, c₂)        cdd = intra − inter

Each pair of classes has a bandwidth of its own, the mean squared distance of its samples. Classes without samples in
both domains do not count. The means are over the classes that do; CAN's released code divides by the number of classes
of the data set, however few a batch shows: ``num_classes``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .mmd import SMALLEST_BANDWIDTH, check_kernels, gaussian_kernels, squared_distances, widened


def contrastive_domain_discrepancy(
    source: Tensor,
    target: Tensor,
    source_label: Tensor,
    target_label: Tensor,
    num_classes: int | None = None,
    reduction: str = 'mean',
    intra_only: bool = False,
    over_present: bool = False,
    num_kernels: int = 5,
    multiplier: float = 2.0,
) -> dict[str, Tensor]:
    """Compute the discrepancy within and between classes.

    Args:
        source: ``[n, ...]``; all but the first dimension are flattened.
        target: ``[m, ...]``.
        source_label: ``[n]`` classes; negative: the sample does not count.
        target_label: ``[m]`` (pseudo-)classes; the same.
        num_classes: Classes of the data set K; the means divide by K and by K(K − 1). None: classes are those of the
            labels, which the host has to wait for, and the means are over those present.
        reduction: ``mean`` or ``sum`` over the kernels.
        intra_only: Pairs of different classes are not computed; ``inter`` is 0.
        over_present: With ``num_classes``, means over the classes that both domains show all the same.
        num_kernels: Kernels of the series.
        multiplier: Ratio of neighbouring bandwidths.

    Returns:
        ``intra``, ``inter`` and ``cdd``, scalars; 0 where no class is in both domains.

    Raises:
        ValueError: Domains of other shapes, labels that do not fit the samples, or an unknown reduction.
    """
    check_kernels(num_kernels, multiplier, reduction)
    _check(source, target, source_label, target_label)
    if num_classes is None:
        over_present = True
        source_label, target_label, num_classes = _compressed(source_label, target_label)
    n = len(source)
    with torch.autocast(source.device.type, enabled=False):
        distances = squared_distances(torch.cat((widened(source), widened(target))))
        return discrepancy_of_distances(
            (distances[:n, :n], distances[n:, n:], distances[:n, n:]),
            (source_label, target_label),
            num_classes,
            intra_only,
            over_present,
            num_kernels=num_kernels,
            multiplier=multiplier,
            reduction=reduction,
        )


def discrepancy_of_distances(
    distances: tuple[Tensor, Tensor, Tensor],
    labels: tuple[Tensor, Tensor],
    num_classes: int,
    intra_only: bool = False,
    over_present: bool = False,
    **series,
) -> dict[str, Tensor]:
    """Compute the discrepancy from squared distances, of many pairs of sets at once.

    Args:
        distances: Within the source ``[..., n, n]``, within the target ``[..., m, m]``, between them ``[..., n, m]``;
            leading dimensions are pairs of sets, and broadcast.
        labels: ``[n]`` of the source and ``[m]`` of the target, for all pairs; negative: the sample does not count.
        num_classes: All labels are below it.
        intra_only, over_present: See :func:`contrastive_domain_discrepancy`.
        series: ``num_kernels``, ``multiplier`` and ``reduction`` of the kernels.

    Returns:
        ``intra``, ``inter`` and ``cdd``, each of the leading dimensions.
    """
    within_source, within_target, between = distances
    source, target = (_one_hot(label, num_classes, between.dtype) for label in labels)
    domains = _Domains(within_source, within_target, between, source, target)
    matrix = _discrepancies(domains, series, intra_only)
    both = (source.sum(0) > 0) & (target.sum(0) > 0)
    return _means(matrix, both.to(matrix.dtype), None if over_present else num_classes, intra_only)


def _one_hot(label: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Return ``[n, K]``, a row of zeros for a negative label."""
    return F.one_hot(label.clamp_min(0), num_classes).to(dtype) * (label >= 0)[:, None]


class _Domains(NamedTuple):
    """Shapes: n source and m target samples, K classes; a row of a one-hot is 0 for a sample that does not count."""

    within_source: Tensor
    """``[..., n, n]`` squared distances."""
    within_target: Tensor
    """``[..., m, m]``."""
    between: Tensor
    """``[..., n, m]``."""
    source: Tensor
    """``[n, K]`` one-hot."""
    target: Tensor
    """``[m, K]`` one-hot."""


def _discrepancies(domains: _Domains, series: dict, intra_only: bool) -> Tensor:
    """Compute D ``[..., K, K]``, source class first; with ``intra_only`` its diagonal ``[..., K, 1]``."""
    source, target = domains.source, domains.target
    bandwidth = _bandwidths(domains)  # [..., K, K]
    if intra_only:
        own = _diagonal(bandwidth)[..., None]  # [..., K, 1]
        of_source, of_target = source @ own, target @ own
    else:
        of_source, of_target = source @ bandwidth, target @ bandwidth.mT  # [..., n, K], [..., m, K]: with each class
    mean_s = _class_means(domains.within_source, source, of_source, series)  # source class × target class, or × 1
    mean_t = _class_means(domains.within_target, target, of_target, series)  # target class × source class, or × 1
    between = gaussian_kernels(domains.between, _safe(source @ bandwidth @ target.T), **series)  # [..., n, m]
    mean_st = source.T @ between @ target / (_number(source)[:, None] * _number(target))
    if intra_only:
        return (mean_s + mean_t - 2 * _diagonal(mean_st)[..., None]).clamp_min(0)
    return (mean_s + mean_t.mT - 2 * mean_st).clamp_min(0)


def _class_means(distances: Tensor, one_hot: Tensor, bandwidth: Tensor, series: dict) -> Tensor:
    """Average kernels within each class of a domain ``[..., K, L]``; a sample has L bandwidths ``[..., n, L]``."""
    same = one_hot @ one_hot.T  # 1 where both samples are of one class
    kernel = gaussian_kernels(distances[..., None], _safe(bandwidth).unsqueeze(-2), **series) * same[..., None]
    return one_hot.T @ kernel.sum(-2) / _number(one_hot)[:, None].square()


def _bandwidths(domains: _Domains) -> Tensor:
    """Average squared distances over pairs of different samples of two classes ``[..., K, K]``; no gradient."""
    source, target = domains.source, domains.target
    sum_s = ((source.T @ domains.within_source.detach()) * source.T).sum(-1)
    sum_t = ((target.T @ domains.within_target.detach()) * target.T).sum(-1)
    sum_st = source.T @ domains.between.detach() @ target
    count = source.sum(0)[:, None] + target.sum(0)
    total = sum_s[..., None] + sum_t[..., None, :] + 2 * sum_st
    return (total / (count * count - count).clamp_min(1)).clamp_min(SMALLEST_BANDWIDTH)


def _number(one_hot: Tensor) -> Tensor:
    """Return samples of each class ``[K]``, 1 for a class without any."""
    return one_hot.sum(0).clamp_min(1)


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _safe(bandwidth: Tensor) -> Tensor:
    """Replace the bandwidth 0 of samples that do not count by 1: their kernels are masked, and must be finite."""
    return torch.where(bandwidth > 0, bandwidth, 1)


def _means(matrix: Tensor, present: Tensor, num_classes: int | None, intra_only: bool) -> dict[str, Tensor]:
    count = present.sum() if num_classes is None else torch.full_like(present.sum(), num_classes)
    if intra_only:
        intra = (matrix[..., 0] * present).sum(-1) / count.clamp_min(1)
        return dict(intra=intra, inter=torch.zeros_like(intra), cdd=intra)
    pairs = matrix * present[:, None] * present
    trace = _diagonal(pairs).sum(-1)
    intra = trace / count.clamp_min(1)
    inter = (pairs.sum((-2, -1)) - trace) / (count * (count - 1)).clamp_min(1)
    return dict(intra=intra, inter=inter, cdd=intra - inter)


def _compressed(source_label: Tensor, target_label: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return labels as indices of the classes found, negative ones unchanged, and how many there are."""
    labels = torch.cat((source_label, target_label))
    classes, index = labels.clamp_min(-1).unique(return_inverse=True)
    index = index - (classes < 0).sum()
    return *index.split((len(source_label), len(target_label))), len(classes)


def _check(source: Tensor, target: Tensor, source_label: Tensor, target_label: Tensor) -> None:
    if source.shape[1:] != target.shape[1:]:
        raise ValueError(
            f'The discrepancy compares vectors of one space, but a source sample is {list(source.shape[1:])} and a '
            f'target sample {list(target.shape[1:])}: project both to one shape.'
        )
    for name, samples, label in (('source', source, source_label), ('target', target, target_label)):
        if label.shape != samples.shape[:1]:
            raise ValueError(
                f'There are {len(samples)} {name} samples and {name} labels of shape {list(label.shape)}: give one '
                'class for each sample.'
            )
