"""Evaluation of a batch whose images differ in size.

mmseg refuses such a batch and mmpretrain pads it, so that a prediction depends on the image's neighbours. Here images
of one size go through the network together, others apart, and each prediction is that of the image alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from mmengine.runner import TestLoop, ValLoop
from torch import Tensor

from mmuda.registry import LOOPS


class SizeGroups:
    """Makes a loop of mmengine predict on images of one size at a time."""

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Predict on a batch, in parts if need be; hooks see each part."""
        for part in parts_of_one_size(data_batch):
            super().run_iter(idx, part)


@LOOPS.register_module()
class SizeGroupedValLoop(SizeGroups, ValLoop):
    """mmengine's ``ValLoop`` for images of any sizes."""


@LOOPS.register_module()
class SizeGroupedTestLoop(SizeGroups, TestLoop):
    """mmengine's ``TestLoop`` for images of any sizes."""


def parts_of_one_size(batch: Any) -> Iterator[Any]:
    """Yield a collated batch, cut where the size of its images changes; the order stays."""
    inputs = batch.get('inputs') if isinstance(batch, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(image, Tensor) for image in inputs):
        yield batch
        return
    for _, group in groupby(range(len(inputs)), key=lambda i: inputs[i].shape):
        chosen = list(group)
        yield {key: [values[i] for i in chosen] for key, values in batch.items()}
