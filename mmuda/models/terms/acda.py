"""Attention-based cross-layer domain alignment (ACDA, Neurocomputing 2022, Eqs. 2–8).

    L = L_source + λ L_ali        L_ali = δ Σ_ij w_ij dist(l_i^t, l_j^s) + (1 − δ) dist(f^s, f^t)

l are maps of m layers, projected to one shape by a projection for each layer and domain (Eq. 2); dist is MMD² with
several kernels (Eq. 3), of whole domains or class by class with pseudo-labels of the target; w are the attention
weights (Eq. 4), each target layer's sum to 1; f is the feature before the classifier.

The paper is the specification. The released code, MaXuSun/ACDA @ 5992e59, does not run, and never uses its weights or
δ; it has CAN's discrepancy: ``same_taps=('neck', 'probs')`` behind a pooling neck, ``condition='cdd'``, ``'sum'``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import ModuleList
from torch import Tensor

from mmuda.functional import (
    biased_mmd,
    contrastive_domain_discrepancy,
    cross_layer_discrepancy,
    cross_layer_weights,
    layer_pairs,
    stacked_maps,
    widened,
)
from mmuda.functional.mmd import check_kernels
from mmuda.registry import MODELS

from ..layers import Projection
from ..views import View
from .base import AlignmentTerm
from .features import all_rows, last

CONDITIONS = ('none', 'intra', 'cdd')
HEAD_TAPS = ('logits', 'probs')
"""Same-layer taps that are no modules: class scores of the main head, and their softmax."""

Labels = tuple[Tensor, Tensor]
"""Of the source and of the target."""

Maps = tuple[Tensor, Tensor]
"""Projected maps of the target's and of the source's m layers, ``[m, B, channels, size, size]``."""


@MODELS.register_module()
class ACDA(AlignmentTerm):
    """The cross-layer and the same-layer loss of a classifier.

    A condition needs classes of the target, ``View.label``, which :class:`mmuda.ACDAHook` finds; without the hook there
    is an error. Before the hook's ``start_step``, and while there are no classes, the loss (then of the domains as
    wholes, so that every parameter has a gradient) is times 0; ``labelled`` in the log is the share of those with one.

    Several processes: maps, vectors and classes of all of them count, see :class:`.DAN`. Each projection's batch norm
    has the statistics of its own process, as those of a network do: ``norm_cfg=dict(type='SyncBN')`` joins them.

    Args:
        taps: Dotted names of m ≥ 2 modules that give feature maps, shallow to deep.
        in_channels: Their channels.
        same_taps: Modules whose feature vectors are aligned by the same-layer part, ``'logits'`` or ``'probs'`` of the
            head; several are summed.
        num_classes: What class by class means are divided by, as in CAN's released code (None: by the classes that
            both domains show in the batch).
        channels, size, num_layers, residual, pool, norm_cfg: Of the projections, see
            :class:`mmuda.models.layers.Projection`.
        delta: δ in [0, 1]. With 0 there are no projections, with 1 no same-layer part: its taps are not read.
        loss_weight: λ.
        attention: Whether pairs are weighed by Eq. 4; else each weighs 1/m.
        detach, temperature, normalize, pairwise: Of the weights, see :func:`mmuda.functional.cross_layer_weights`.
        condition: ``none``: domains as wholes. ``intra``: class by class. ``cdd``: that minus what is between classes.
        num_kernels, multiplier, reduction: Of the kernels, see :func:`mmuda.functional.multi_kernel_mmd`.
        start_step: Steps on the source alone, where no hook sets them: only with ``condition='none'``.
        gather: Whether the samples of all processes count, or each process aligns its share.

    Raises:
        ValueError: An option out of its range, or options that do not fit each other.

    Example:
        >>> taps = dict(early=torch.rand(4, 8, 14, 14), late=torch.rand(4, 16, 7, 7), neck=torch.rand(4, 32))
        >>> view = View(torch.rand(4, 3, 56, 56), features=taps)
        >>> sorted(ACDA(taps=('early', 'late'), in_channels=(8, 16))(view, view, step=torch.tensor(0)))
        ['cross', 'loss', 'same', 'w_1_1', 'w_1_2', 'w_2_1', 'w_2_2']
    """

    def __init__(
        self,
        taps: Sequence[str],
        in_channels: Sequence[int],
        same_taps: Sequence[str] = ('neck',),
        num_classes: int | None = None,
        channels: int = 32,
        size: int = 7,
        num_layers: int = 3,
        residual: bool = True,
        pool: str | None = None,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        delta: float = 0.7,
        loss_weight: float = 0.3,
        attention: bool = True,
        detach: bool = True,
        temperature: float = 1.0,
        normalize: bool = False,
        pairwise: bool = False,
        condition: str = 'none',
        num_kernels: int = 5,
        multiplier: float = 2.0,
        reduction: str = 'mean',
        start_step: int = 0,
        gather: bool = True,
    ) -> None:
        _check(delta, temperature, condition)
        check_kernels(num_kernels, multiplier, reduction)
        layers = tuple(zip(taps, _channels(taps, in_channels))) if delta > 0 else ()
        same_taps = _same_taps(same_taps, delta) if delta < 1 else ()
        names = [*(tap for tap, _ in layers), *(tap for tap in same_taps if tap not in HEAD_TAPS)]
        super().__init__(taps=tuple(dict.fromkeys(names)), loss_weight=loss_weight)
        self.layers, self.same_taps = layers, same_taps
        self.num_classes = num_classes
        self.delta, self.gather = delta, gather
        self.attention, self.condition = attention, condition
        self.weighing = dict(detach=detach, temperature=temperature, normalize=normalize, pairwise=pairwise)
        self.kernels = dict(num_kernels=num_kernels, multiplier=multiplier, reduction=reduction)
        self.start_step = start_step
        self._check_start()
        shape = dict(channels=channels, size=size, num_layers=num_layers, residual=residual, pool=pool)
        self.source_projections, self.target_projections = (
            ModuleList(Projection(width, norm_cfg=norm_cfg, **shape) for _, width in layers) for _ in range(2)
        )

    def _check_start(self) -> None:
        """Refuse a start below 0, and one beside classes of the hook, which then also says when to start."""
        if self.start_step < 0:
            raise ValueError(f'{type(self).__name__} has start_step={self.start_step}: give 0 or more steps.')
        if self.start_step and self._waits_for_labels(None):
            raise ValueError(
                f'{type(self).__name__} has start_step={self.start_step} and condition={self.condition!r}: give it as '
                'pretrain of mmuda.ACDAHook, which finds the classes.'
            )

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return λ L_ali; for the log its parts ``cross`` and ``same``, and ``labelled``.

        Weights are ``w_<target layer>_<source layer>``. The sizes of the domains may differ.
        """
        labels = self._labels(source, target)
        maps = self._maps(source, target) if self.layers else None
        distances, same = self._distances(source, target, maps, labels)
        parts, log = [], {}
        if maps is not None:
            weights = self._weights(maps)
            cross = (weights * distances).sum()  # Eq. 5
            parts.append(self.loss_weight * self.delta * cross)
            log |= dict(cross=cross, **_named(weights))
        if self.same_taps:
            parts.append(self.loss_weight * (1 - self.delta) * same)
            log['same'] = same
        loss = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        if self._waits_for_labels(labels):
            loss, log['labelled'] = 0 * loss, torch.zeros_like(loss)
        elif labels is not None:
            log['labelled'] = (labels[1] >= 0).to(loss.dtype).mean()
        if self.start_step:
            loss = loss * (step >= self.start_step)
        return dict(loss=loss, **{key: value.detach() for key, value in log.items()})

    def _labels(self, source: View, target: View) -> Labels | None:
        """Return classes of both domains; None without a condition, or where the target has none yet."""
        if self.condition == 'none':
            return None
        if target.label is not None:
            return self._all(source.label, target.label)
        if self.start_step == 0:
            raise ValueError(
                f'{type(self).__name__} has condition={self.condition!r}, but target images have no pseudo-labels: add '
                "custom_hooks=[dict(type='mmuda.ACDAHook')], or set condition='none'."
            )
        return None

    def _waits_for_labels(self, labels: Labels | None) -> bool:
        return labels is None and self.condition != 'none'

    def _maps(self, source: View, target: View) -> Maps:
        """Compute Eq. 2, of the samples of all processes: target first."""
        source_maps = self._all(*self._project(source, self.source_projections))
        target_maps = self._all(*self._project(target, self.target_projections))
        return stacked_maps(target_maps), stacked_maps(source_maps)

    def _weights(self, maps: Maps) -> Tensor:
        """Compute w ``[m, m]`` of Eq. 4."""
        if self.attention:
            return cross_layer_weights(*maps, **self.weighing)
        return maps[0].new_full((len(maps[0]), len(maps[0])), 1 / len(maps[0]))

    def _distances(
        self, source: View, target: View, maps: Maps | None, labels: Labels | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Compute dist of each pair of layers ``[m, m]`` (Eq. 3), and dist(f^s, f^t) (Eq. 6), summed over its taps."""
        vectors = [self._all(self._vectors(source, tap), self._vectors(target, tap)) for tap in self.same_taps]
        if labels is None:
            return self._of_domains(maps, vectors)
        options = self._classes(source) | self.kernels
        cross = None if maps is None else cross_layer_discrepancy(*maps, labels[1], labels[0], **options)
        same = [contrastive_domain_discrepancy(*pair, *labels, **options)['cdd'] for pair in vectors]
        return cross, sum(same) if same else None

    def _of_domains(
        self, maps: Maps | None, vectors: Sequence[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Compute the discrepancies of the domains as wholes, all at once."""
        joints = [] if maps is None else [layer_pairs(*maps)]
        joints += [torch.cat((t, s))[None] for s, t in vectors]
        num_target = len(vectors[0][1]) if maps is None else maps[0].shape[1]
        found = biased_mmd(joints, num_target, **self.kernels)
        cross = None if maps is None else found.pop(0).view(len(maps[0]), -1)
        if not found:
            return cross, None
        return cross, found[0].view(()) if len(found) == 1 else torch.cat(found).sum()

    def _project(self, view: View, projections: ModuleList) -> list[Tensor]:
        """Compute Eq. 2: the maps of the taps → m maps ``[B, channels, size, size]``."""
        maps = []
        for (tap, width), projection in zip(self.layers, projections, strict=True):
            x = last(view.features[tap])
            if x.dim() != 4 or x.shape[1] != width:
                raise ValueError(
                    f'{type(self).__name__} has in_channels={width} for {tap!r}, which gives {list(x.shape[1:])} a '
                    f'sample: tap a feature map [{width}, H, W], or set in_channels to what it gives.'
                )
            maps.append(projection(x))
        return maps

    def _all(self, *rows: Tensor) -> tuple[Tensor, ...]:
        """Gather maps, vectors or classes of all processes."""
        return all_rows(rows, self.gather)

    def _vectors(self, view: View, tap: str) -> Tensor:
        """Return ``[B, C]``."""
        x = self._features(view, tap)
        if x.dim() != 2:
            raise ValueError(
                f'{type(self).__name__} aligns vectors of the same layer, but {tap!r} gives {list(x.shape[1:])} a '
                "sample: tap a module behind the pooling, such as same_taps=('neck',), or use "
                'mmuda.SegmentationACDA.'
            )
        return x

    @staticmethod
    def _features(view: View, tap: str) -> Tensor:
        """Tell what a same-layer tap gives, in float32 at least."""
        x = widened(view.logits if tap in HEAD_TAPS else last(view.features[tap]))
        return x.softmax(1) if tap == 'probs' else x

    def _classes(self, view: View) -> dict:
        """Return options of a discrepancy class by class."""
        found = view.logits.shape[1]
        if self.num_classes is not None and self.num_classes < found:
            raise ValueError(
                f'{type(self).__name__} has num_classes={self.num_classes}, but the head tells {found} classes apart: '
                'set it to those of the data set, or leave it out.'
            )
        return dict(
            num_classes=self.num_classes or found,
            over_present=self.num_classes is None,
            intra_only=self.condition == 'intra',
        )


def _named(weights: Tensor) -> dict[str, Tensor]:
    """Name ``w_1_1``, ``w_1_2``, …: target layer first."""
    return {f'w_{i}_{j}': w for i, row in enumerate(weights, 1) for j, w in enumerate(row, 1)}


def _channels(taps: Sequence[str], in_channels: Sequence[int]) -> tuple[int, ...]:
    if isinstance(taps, str) or len(taps) < 2 or len(taps) != len(in_channels):
        raise ValueError(
            f'ACDA aligns pairs of layers, but has taps={taps!r} and in_channels={in_channels!r}: name two feature '
            'maps or more, and the channels of each; without pairs of layers set delta=0.'
        )
    return tuple(in_channels)


def _same_taps(same_taps: Sequence[str], delta: float) -> tuple[str, ...]:
    if isinstance(same_taps, str) or not same_taps:
        raise ValueError(
            f'ACDA has delta={delta}, but same_taps={same_taps!r}: name what the same-layer part aligns, as '
            "same_taps=('neck',), or set delta=1."
        )
    return tuple(same_taps)


def _check(delta: float, temperature: float, condition: str) -> None:
    if not 0 <= delta <= 1:
        raise ValueError(f'ACDA has delta={delta}: it is a share of the cross-layer part, give a number in [0, 1].')
    if temperature <= 0:
        raise ValueError(f'ACDA has temperature={temperature}, which divides similarities: give a positive number.')
    if condition not in CONDITIONS:
        raise ValueError(f'condition={condition!r} is unknown: choose one of {", ".join(CONDITIONS)}.')
