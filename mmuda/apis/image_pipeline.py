"""The test pipeline of a config, for images that belong to no data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmuda.datasets.label_free import is_label_loader
from mmuda.datasets.own_readers import is_image_loader, use_own_readers

COLOR_TYPES = {1: 'grayscale', 3: 'color'}
"""How a file is loaded for a network of so many channels, when its data set has no files: else `unchanged`."""


def split_pipeline(pipeline: list[dict], channels: int) -> tuple[list[dict], list[dict]]:
    """Return the loading step of a test pipeline, and what comes after it without labels."""
    steps = _without_label_loaders(use_own_readers(pipeline))
    loading = [step for step in steps if is_image_loader(step['type'])]
    default = dict(type='mmuda.LoadImage', color_type=COLOR_TYPES.get(channels, 'unchanged'))
    return loading or [default], [step for step in steps if not is_image_loader(step['type'])]


def _without_label_loaders(steps: Any) -> Any:
    """Return steps, and lists of steps inside of a step, without those that read labels."""
    if isinstance(steps, (list, tuple)):
        kept = [_without_label_loaders(step) for step in steps if not _reads_labels(step)]
        return [step for step in kept if step != []]
    if isinstance(steps, Mapping) and 'transforms' in steps:
        return {**steps, 'transforms': _without_label_loaders(steps['transforms'])}
    return steps


def _reads_labels(step: Any) -> bool:
    return isinstance(step, Mapping) and is_label_loader(step['type'])
