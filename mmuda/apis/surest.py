"""Pseudo-labels of the surest pixels of each class: what a round of self-training takes from the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mmuda.datasets import DataError
from mmuda.functional import class_thresholds, count_confidences, surest_labels

from .errors import UserError
from .inputs import Images, find_images
from .predictions import confidence_of, prediction_of

if TYPE_CHECKING:
    from .inferencer import UDAInferencer


def surest_pixels(predict: UDAInferencer, images: Images, drop: float, above: float = 1.0) -> SurestPixels:
    """Find from which probability on the pixels of each class keep their label, by a pass over all images at first use.

    Args:
        predict: The model.
        images, drop, above: As for its call, and for :class:`SurestPixels`.

    Raises:
        UserError: A classifier.
    """
    if not predict.segments:
        raise UserError('pixels are dropped from label maps, and this model classifies: leave out --drop')
    return SurestPixels(_samples(predict, images), len(predict.classes), drop, above)


def _samples(predict: UDAInferencer, images: Images) -> Iterator[Any]:
    """Yield predictions of the images that can be read; the others are named when results are made."""
    for item in find_images(images):
        with suppress(DataError):
            yield predict.sample(item.image)


class SurestPixels:
    """Pixels of a set of images that keep their label.

    Args:
        samples: What a segmentor predicts of all images, one after the other; asked for when labels are.
        num_classes: K.
        drop: The share of each class's pixels that lose it, the least sure, in [0, 1).
        above: A probability that is always enough.

    Raises:
        UserError: A share that drops everything.
    """

    def __init__(self, samples: Iterable[Any], num_classes: int, drop: float, above: float = 1.0) -> None:
        if not 0 <= drop < 1:
            raise UserError(f'--drop {drop} is the share of pixels that lose their label: give 0 or more, below 1')
        self.samples, self.num_classes, self.drop, self.above = samples, num_classes, drop, above

    @cached_property
    def thresholds(self) -> torch.Tensor:
        """Return the least probability of each class, ``[K]``."""
        nothing = count_confidences(torch.empty(0), torch.empty(0), self.num_classes)
        counts = sum((count_confidences(*_read(sample), self.num_classes) for sample in self.samples), start=nothing)
        return class_thresholds(counts, self.drop, self.above)

    def labels(self, sample: Any) -> np.ndarray:
        """Return its label map, uint8 [H, W], with 255 where a pixel is not sure enough."""
        return surest_labels(*_read(sample), self.thresholds).numpy().astype(np.uint8)


def _read(sample: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return label and confidence ``[H, W]``."""
    return torch.from_numpy(prediction_of(sample, ())), torch.from_numpy(confidence_of(sample))
