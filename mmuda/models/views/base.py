"""Views: rows of a training step that belong together; and their makers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

IGNORE_INDEX = 255
"""Of a place in a label map that does not count; an image without a class has a negative label."""


@dataclass(frozen=True)
class View:
    """N images of one step, what is known of them and, after the pass, what the student made of them.

    Args:
        inputs: ``[N, 3, H, W]`` normalised images.
        features: What the terms' taps caught, by dotted module name; a module that gives several maps has a tuple.
        logits: ``[N, K, h, w]`` or ``[N, K]`` of the main head.
        label: ``[N, H, W]`` or ``[N]`` class indices; a place that does not count has :data:`IGNORE_INDEX`, an image
            that does not a negative label. None: nobody knows.
        complete: The label itself where its maker knows that every place counts. A maker of another label has undone
            that by its label.
        weight: ``[N]`` or ``[N, H, W]``, how much each counts (None: 1).
        valid: ``[N, H, W]`` bool, False on padding and on margins that the loader marked (None: there are none).
        domain: ``'source'`` or ``'target'``: the slot that domain-aware layers see.
        samples: Their data samples: meta information such as ``source_index`` and paths.
        strong: ``[N, 3, H, W]``, a second, strongly augmented view of each image, where the loader gives one.
        outputs: What the student's heads gave, as :class:`mmuda.models.tasks.Outputs`.
    """

    inputs: Tensor
    features: dict[str, Tensor | tuple[Tensor, ...]] = field(default_factory=dict)
    logits: Tensor | None = None
    label: Tensor | None = None
    complete: Tensor | None = None
    weight: Tensor | None = None
    valid: Tensor | None = None
    domain: str = 'target'
    samples: tuple = ()
    strong: Tensor | None = None
    outputs: Any = None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def counts_everywhere(self) -> bool:
        """Tell whether every place of the label is known to count."""
        return self.label is not None and self.complete is self.label


def counted(label: Tensor) -> Tensor:
    """Return bool of the label's shape ``[N, H, W]`` or ``[N]``: False where it does not count."""
    return label != IGNORE_INDEX if label.dim() > 1 else label >= 0


def weight_of_places(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """Give ``[N]`` or ``[N, H, W]`` the shape ``[N, H, W]`` of labels: a place weighs as much as its image."""
    missing = len(shape) - weight.dim()
    return weight.reshape(*weight.shape, *[1] * missing).expand(*shape)


def joined_rows(parts: Sequence[Tensor]) -> Tensor:
    """Join the rows of some parts ``[N_i, ...]``; no copy where they lie one behind the other in one memory."""
    first, row = parts[0], prod(parts[0].shape[1:])
    memory, end = first.untyped_storage().data_ptr(), first.storage_offset()
    for part in parts:
        follows = part.untyped_storage().data_ptr() == memory and part.storage_offset() == end
        if not follows or part.stride() != first.stride() or part.stride(0) != row or part.requires_grad:
            return torch.cat(list(parts))
        end += row * len(part)
    return first.as_strided((sum(map(len, parts)), *first.shape[1:]), first.stride())


@dataclass(frozen=True, eq=False)
class Normalization:
    """Mean and deviation ``[3, 1, 1]`` of the student's normalisation: ``(rgb − mean) / std``, rgb in 0–255."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, host: nn.Module, device: torch.device, known: Normalization | None = None) -> Normalization:
        """Read a host's preprocessor: (rgb − 0) / 1 where it does nothing, ``known`` where that is still right."""
        mean, std = (getattr(host, name, None) for name in ('mean', 'std'))
        if known is not None and known.mean.device == device and (mean is None or known.mean is mean):
            return known
        if mean is None:
            return cls(torch.zeros(3, 1, 1, device=device), torch.ones(3, 1, 1, device=device))
        return cls(mean, std)

    def unit(self, images: Tensor) -> Tensor:
        """Turn normalised images ``[B, 3, H, W]`` into colours in [0, 1]."""
        mean, std, _, _ = self._factors
        return torch.addcmul(mean, images, std).clamp_(0, 1)

    def normalized(self, rgb: Tensor) -> Tensor:
        """Turn colours in [0, 1] into normalised images; the inverse of :meth:`unit`."""
        _, _, offset, scale = self._factors
        return torch.addcmul(offset, rgb, scale)

    @cached_property
    def _factors(self) -> tuple[Tensor, ...]:
        return self.mean / 255, self.std / 255, -self.mean / self.std, 255 / self.std


class ViewMaker(nn.Module):
    """Makes one more view of a step, or a view in the place of another, without gradient.

    A maker draws from torch's generator, which :class:`mmuda.ExactResumeHook` seeds by (seed, rank, step). It runs
    where a term reads what it makes.

    Args:
        of: The view whose rows the new one has; of several each is made in its own place.
    """

    needs_labels: tuple[str, ...] = ()
    """Views whose label it reads."""

    def __init__(self, of: str | Sequence[str] = 'target') -> None:
        super().__init__()
        self.of = (of,) if isinstance(of, str) else tuple(of)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the views that it looks at."""
        return tuple(dict.fromkeys((*self.of, *self.needs_labels)))

    def makes(self, name: str) -> dict[str, str]:
        """Return names of the views that it makes as ``views[name]`` of a model, and of those whose rows they have."""
        return {name: self.of[0]} if len(self.of) == 1 else {each: each for each in self.of}

    def forward(self, views: Mapping[str, View], norm: Normalization) -> View | dict[str, View]:
        """Return the new view, or several by their names."""
        raise TypeError(f'{type(self).__name__} has no forward: a maker returns a view.')
