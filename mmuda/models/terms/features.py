"""What terms are given at their taps: most want one feature vector and one row of class scores a sample."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmuda.functional import widened
from mmuda.processes import rows_of_all_ranks

from ..views import View
from .base import AlignmentTerm


def joint_features(term: AlignmentTerm, source: View, target: View, channels: int) -> Tensor:
    """Return the features of ``[source | target]`` at the term's first tap, ``[B_s + B_t, C]``; of a tuple the last.

    Raises:
        ValueError: They are no vectors, or have another number of channels.
    """
    tap = term.taps[0]
    parts = [last(view.features[tap]) for view in (source, target)]
    name, found = type(term).__name__, list(parts[0].shape[1:])
    if len(found) != 1:
        raise ValueError(
            f'{name} aligns vectors, but {tap!r} gives features of shape {found} a sample: tap a module behind the '
            "pooling, such as tap='neck'."
        )
    if found[0] != channels:
        raise ValueError(f'{name} has in_channels={channels}, but {tap!r} gives {found[0]}: set it to that.')
    return torch.cat(parts)


def tapped_pairs(term: AlignmentTerm, source: View, target: View) -> list[tuple[Tensor, Tensor]]:
    """Pair the features at each of the term's taps: ``[B_s, ...]`` and ``[B_t, ...]``; of a tuple the last."""
    return [(last(source.features[tap]), last(target.features[tap])) for tap in term.taps]


def all_rows(rows: Sequence[Tensor], gather: bool) -> tuple[Tensor, ...]:
    """Gather features, in float32 at least, or classes of all processes; with ``gather=False`` keep this one's."""
    return tuple(rows_of_all_ranks(widened(x) if x.is_floating_point() else x) if gather else x for x in rows)


def joint_logits(term: AlignmentTerm, source: View, target: View, num_classes: int) -> Tensor:
    """Return the main head's class scores of ``[source | target]``, ``[B_s + B_t, K]``, at least float32.

    Raises:
        ValueError: They are maps, or have another number of classes.
    """
    found = list(source.logits.shape[1:])
    if found != [num_classes]:
        raise ValueError(
            f'{type(term).__name__} has num_classes={num_classes}, but the head gives scores of shape {found} a '
            'sample: use a classifier, and set num_classes to its number of classes.'
        )
    return widened(torch.cat((source.logits, target.logits)))


def last(features: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return what a tap gives; of several maps the last."""
    return features if isinstance(features, Tensor) else features[-1]
