"""Cross-layer alignment (ACDA, Neurocomputing 2022): how alike two layers are (Eq. 4), how far apart (Eq. 3).

Eq. 4 averages two matrices of inner products of the maps r(A), r(B) ∈ R^{c × p}, p = h·w. An average of all inner
products is the inner product of the averages:

    avg(r(A) r(B)ᵀ) = Ā · B̄      Ā ∈ R^p: mean over channels       (the paper's spatial relation)
    avg(r(A)ᵀ r(B)) = Â · B̂      Â ∈ R^c: mean over positions      (its channel relation)

so neither matrix is made: O(cp) instead of O(c²p + cp²). The equation has no sample index. Averaged over all pairs of
source and target samples it is, by the same identity, the inner product of the batches' means, whatever their sizes:
the form here. ``pairwise=True`` is the mean over pairs of equal index instead, as in the released code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .biased_mmd import biased_mmd
from .contrastive_discrepancy import discrepancy_of_distances
from .mmd import check_kernels, squared_distances, widened


def cross_layer_weights(
    target_maps: Sequence[Tensor],
    source_maps: Sequence[Tensor],
    detach: bool = True,
    temperature: float = 1.0,
    normalize: bool = False,
    pairwise: bool = False,
) -> Tensor:
    """Compute w_ij of Eq. 4: how much the alignment of target layer i and source layer j counts.

    Args:
        target_maps: m maps ``[B_t, c, h, w]``, or one tensor of them.
        source_maps: m maps ``[B_s, c, h, w]``, likewise.
        detach: No gradient: the network cannot lower its loss by moving weight to easy pairs.
        temperature: Divides the similarities before the softmax; 1 in the paper.
        normalize: Cosines instead of inner products, which saturate the softmax where maps are large.
        pairwise: Similarity of samples of equal index, averaged; needs B_s = B_t.

    Returns:
        ``[m, m]``; row i is target layer i, and sums to 1.

    Raises:
        ValueError: Maps of different shapes, unequal batches with ``pairwise``, or a temperature that is not positive.
    """
    _check_maps(target_maps, source_maps)
    if temperature <= 0:
        raise ValueError(f'temperature={temperature} divides the similarities: give a positive number.')
    with torch.autocast(target_maps[0].device.type, enabled=False):
        target, source = (stacked_maps(maps).flatten(3) for maps in (target_maps, source_maps))  # [m, B, c, p]
        if detach:
            target, source = target.detach(), source.detach()
        if pairwise and target.shape[1] != source.shape[1]:
            raise ValueError(
                f'pairwise=True compares samples of equal index, but there are {source.shape[1]} source and '
                f'{target.shape[1]} target samples: use equal batches, or pairwise=False.'
            )
        # over channels: spatial relation; over positions: channel relation
        both = torch.stack([_similarity(target, source, axis, normalize, pairwise) for axis in (2, 3)])
        return (both if temperature == 1 else both / temperature).softmax(2).mean(0)


def cross_layer_mmd(
    target_maps: Sequence[Tensor],
    source_maps: Sequence[Tensor],
    num_kernels: int = 5,
    multiplier: float = 2.0,
    reduction: str = 'mean',
) -> Tensor:
    """Compute dist(l_i^t, l_j^s) of Eq. 3 for all pairs of layers, biased, each pair with a bandwidth of its own.

    Args:
        target_maps: m maps ``[B_t, ...]``, or one tensor of them.
        source_maps: m maps ``[B_s, ...]`` of the same shape a sample, likewise.
        num_kernels, multiplier, reduction: The kernels, as in :func:`.multi_kernel_mmd`.

    Returns:
        ``[m, m]``; row i is target layer i; never negative.
    """
    _check_maps(target_maps, source_maps)
    check_kernels(num_kernels, multiplier, reduction)
    with torch.autocast(target_maps[0].device.type, enabled=False):
        pairs = layer_pairs(target_maps, source_maps)
        (found,) = biased_mmd([pairs], len(target_maps[0]), num_kernels, multiplier, reduction)
    return found.view(len(target_maps), -1)


def layer_pairs(target_maps: Sequence[Tensor], source_maps: Sequence[Tensor]) -> Tensor:
    """Pair the samples of target layer i with those of source layer j: ``[m², B_t + B_s, d]``, in row i · m + j."""
    target, source = (stacked_maps(maps).flatten(2) for maps in (target_maps, source_maps))
    shape = (len(target), len(target), -1, -1)
    return torch.cat((target[:, None].expand(shape), source[None].expand(shape)), 2).flatten(0, 1)


def stacked_maps(maps: Sequence[Tensor] | Tensor) -> Tensor:
    """Return ``[m, B, ...]`` of m maps, in float32 at least; such a tensor stays as it is."""
    return widened(maps) if isinstance(maps, Tensor) else torch.stack([widened(x) for x in maps])


def cross_layer_discrepancy(
    target_maps: Sequence[Tensor],
    source_maps: Sequence[Tensor],
    target_label: Tensor,
    source_label: Tensor,
    num_classes: int,
    intra_only: bool = True,
    over_present: bool = True,
    num_kernels: int = 5,
    multiplier: float = 2.0,
    reduction: str = 'mean',
) -> Tensor:
    """Return the label-conditioned dist(l_i^t, l_j^s) for all pairs of layers: Eq. 3 class by class.

    Entry (i, j) is ``cdd`` of :func:`.contrastive_domain_discrepancy` of target layer i and source layer j. One Gram
    matrix over all layers of both domains holds every distance.

    Args:
        target_maps, source_maps: As in :func:`cross_layer_mmd`.
        target_label: ``[B_t]`` (pseudo-)classes; negative: the sample does not count.
        source_label: ``[B_s]`` classes; the same.
        num_classes: Classes of the data set.
        intra_only: Samples of one class only, as the paper says; False subtracts the discrepancy between classes.
        over_present: Mean over the classes that both domains show; False divides by the classes of the data set.
        num_kernels, multiplier, reduction: The kernels.

    Returns:
        ``[m, m]``; row i is target layer i; 0 where no class is in both domains.
    """
    _check_maps(target_maps, source_maps)
    check_kernels(num_kernels, multiplier, reduction)
    for name, maps, label in (('target', target_maps, target_label), ('source', source_maps, source_label)):
        if label.shape != maps[0].shape[:1]:
            raise ValueError(
                f'There are {len(maps[0])} {name} samples and {name} labels of shape {list(label.shape)}: give one '
                'class for each sample.'
            )
    with torch.autocast(target_maps[0].device.type, enabled=False):
        within_t, within_s, between = _distances(target_maps, source_maps)
        return discrepancy_of_distances(
            (within_s[None], within_t[:, None], between.mT),
            (source_label, target_label),
            num_classes,
            intra_only,
            over_present,
            num_kernels=num_kernels,
            multiplier=multiplier,
            reduction=reduction,
        )['cdd']


def _distances(target_maps: Sequence[Tensor], source_maps: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Compute squared distances within each target and each source layer and between them, by one Gram matrix.

    ``[m, B_t, B_t]``, ``[m, B_s, B_s]`` and ``[m, m, B_t, B_s]``. All layers have one centre: in float32, layers whose
    values differ a hundredfold or more lose digits of the smaller one's distances (3 % at a hundred).
    """
    m, split = len(target_maps), len(target_maps) * len(target_maps[0])
    distances = squared_distances(torch.cat([widened(x).flatten(1) for x in (*target_maps, *source_maps)]))
    within_t = _blocks(distances[:split, :split], m).diagonal(dim1=2, dim2=3).permute(2, 0, 1)
    within_s = _blocks(distances[split:, split:], m).diagonal(dim1=2, dim2=3).permute(2, 0, 1)
    return within_t, within_s, _blocks(distances[:split, split:], m).permute(2, 3, 0, 1)


def _blocks(distances: Tensor, m: int) -> Tensor:
    """Map ``[m·a, m·b]`` → ``[a, b, m, m]``."""
    return distances.unflatten(1, (m, -1)).unflatten(0, (m, -1)).permute(1, 3, 0, 2)


def _similarity(target: Tensor, source: Tensor, axis: int, normalize: bool, pairwise: bool) -> Tensor:
    """Return the inner products of ``[m, B_t, c, p]`` and ``[m, B_s, c, p]``, averaged over an axis → ``[m, m]``."""
    if pairwise:
        target, source, count = target.mean(axis), source.mean(axis), target.shape[1]
    else:
        target, source, count = target.mean((1, axis)), source.mean((1, axis)), 1
    if normalize:
        target, source = F.normalize(target, dim=-1), F.normalize(source, dim=-1)
    products = target.flatten(1) @ source.flatten(1).T
    return products if count == 1 else products / count


def _check_maps(target_maps: Sequence[Tensor], source_maps: Sequence[Tensor]) -> None:
    shapes = {tuple(x.shape[1:]) for x in (*target_maps, *source_maps)}
    if len(target_maps) != len(source_maps) or len(shapes) != 1:
        raise ValueError(
            f'Cross-layer alignment compares maps of one shape, but got {len(target_maps)} target and '
            f'{len(source_maps)} source layers of {sorted(map(list, shapes))}: project all to one shape.'
        )
