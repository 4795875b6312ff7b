"""The steps at a pipeline's beginning that draw nothing, and the step that reads their result from prepared files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmuda import compat

from ..errors import DataError
from .loading import LoadIgnoreLabel, LoadImage, LoadLabel, LoadStoredLabel

compat.apply()

from mmcv.transforms import BaseTransform, Resize

if TYPE_CHECKING:
    from ..prepared_files import PreparedFiles

HOSTS = ('mmcv', 'mmseg')
VERSION = 1
"""Of the settings below: another one where a step's result changes."""


@dataclass(frozen=True)
class FixedSteps:
    """Load an image, then perhaps its labels, then perhaps resize both to one scale.

    Attributes:
        image, label, resize: The steps; None where a pipeline has no such one.
        rest: The steps behind them.
    """

    image: LoadImage
    label: LoadLabel | LoadStoredLabel | LoadIgnoreLabel | None
    resize: Resize | None
    rest: tuple

    @classmethod
    def of(cls, steps: Sequence) -> FixedSteps:
        """Split the steps of a pipeline.

        Raises:
            DataError: The first step does not load an image file by our rules.
        """
        first, *rest = steps or [None]
        if type(first) is not LoadImage:
            raise DataError(
                f'The pipeline begins with {type(first).__name__ if steps else "nothing"}, and only what '
                "dict(type='mmuda.LoadImage') loads from a file can be prepared."
            )
        label, rest = _taken(rest, lambda step: isinstance(step, (LoadLabel, LoadStoredLabel, LoadIgnoreLabel)))
        resize, rest = _taken(rest, _is_resize_to_a_scale)
        return cls(first, label, resize, tuple(rest))

    def __call__(self, results: dict) -> dict:
        """Do them."""
        for step in (self.image, self.label, self.resize):
            results = results if step is None else step(results)
        return results

    def image_settings(self) -> dict:
        """Return all that the pixels of an image depend on beside its file, as JSON has it."""
        resize = self._resize_settings() and dict(self._resize_settings(), interpolation=self.resize.interpolation)
        loader = dict(color_type=self.image.color_type, to_float32=self.image.to_float32)
        return dict(version=VERSION, **loader, resize=resize)

    def label_settings(self, table: np.ndarray) -> dict:
        """Return the same for a label map; `table` leads from the ids of its file to classes."""
        return dict(
            version=VERSION, classes=hashlib.sha256(table.tobytes()).hexdigest()[:16], resize=self._resize_settings()
        )

    def _resize_settings(self) -> dict | None:
        if self.resize is None:
            return None
        return dict(scale=list(self.resize.scale), keep_ratio=self.resize.keep_ratio, backend=self.resize.backend)

    def resize_notes(self, size: tuple[int, int], resized: tuple[int, int]) -> dict:
        """Return what `Resize` adds to the results beside pixels, from height and width before and after it."""
        if self.resize is None:
            return {}
        (height, width), (new_height, new_width) = size, resized
        factor = (new_width / width, new_height / height)
        return dict(scale=self.resize.scale, scale_factor=factor, keep_ratio=self.resize.keep_ratio)


class LoadPrepared(BaseTransform):
    """Stand for the fixed steps of a pipeline: equal results, from prepared files.

    Args:
        steps: What it stands for.
        images, labels: The files; None for labels that no file holds.
    """

    def __init__(self, steps: FixedSteps, images: PreparedFiles, labels: PreparedFiles | None) -> None:
        self.steps, self.images, self.labels = steps, images, labels

    def transform(self, results: dict) -> dict:
        """Add all that the steps add."""
        image, size = self.images.read(results['img_path'])
        resized = image.shape[:2]
        results.update(img=image, img_shape=resized, ori_shape=size, **self.steps.resize_notes(size, resized))
        if isinstance(self.steps.label, LoadIgnoreLabel):
            return self.steps.label(results)
        if self.steps.label is not None:
            results['gt_seg_map'] = self._label(results, size)
            results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def _label(self, results: dict, size: tuple[int, int]) -> np.ndarray:
        if self.labels is not None:
            return self.labels.read(results['seg_map_path'])[0]
        label = self.steps.label(dict(img_path=results['img_path'], ori_shape=size))
        return label['gt_seg_map'] if self.steps.resize is None else self.steps.resize(label)['gt_seg_map']


def _taken(steps: list, fits) -> tuple[object | None, list]:
    """Return the first step if it fits, and what is left."""
    return (steps[0], steps[1:]) if steps and fits(steps[0]) else (None, steps)


def _is_resize_to_a_scale(step: object) -> bool:
    stock = isinstance(step, Resize) and type(step).__module__.partition('.')[0] in HOSTS
    return stock and type(step).__name__ == 'Resize' and step.scale is not None
