"""What a model's predictions on unlabelled target images say of it, by the criteria of `functional/criteria.py`."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmuda.functional import (
    batch_nuclear_norm,
    class_correlation,
    mean_entropy,
    mutual_information,
    soft_neighbourhood_density,
)
from mmuda.registry import METRICS

NEIGHBOURS = 4096
"""Predictions among which SND looks for neighbours, at most: its cost grows with their square."""


@METRICS.register_module()
class LabelFreeMetric(BaseMetric):
    """Criteria to choose a checkpoint by without labels, of any task, beside the metric that scores.

        val_evaluator = [dict(type='mmuda.SegmentationMetric'), dict(type='mmuda.LabelFreeMetric')]
        default_hooks = dict(checkpoint=dict(save_best='mmuda/mutual_information'))

    Scores are called ``mmuda/<criterion>``; which end is the good one is in
    :data:`mmuda.scores.CRITERION_RULES`, which :class:`mmuda.CheckpointHook` knows. ``agreement``, the share of
    predictions that student and teacher have in common, stands among the teacher's scores.

    Of a segmented image some pixels count, at places that depend on its name alone: every model of every run is judged
    by the same ones. No label is read.

    Args:
        pixels: Of each segmented image.
        kwargs: As for mmengine's ``BaseMetric``.

    Raises:
        ValueError: ``pixels`` below 1.
    """

    default_prefix = 'mmuda'
    needs_labels = False

    def __init__(self, pixels: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pixels < 1:
            raise ValueError(f'LabelFreeMetric has pixels={pixels}: take 1 or more of each image.')
        self.pixels = pixels
        self.network: str | None = None
        """Which network predicts, where a loop evaluates several; it says so before each."""
        self._classes: dict[str | None, Tensor] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping]) -> None:
        """Keep the class probabilities ``[n, K]`` of each image, or of some of its pixels."""
        for sample in data_samples:
            probability = self._of_pixels(sample) if 'pred_label' not in sample else sample['pred_score'][None]
            self.results.append(probability.float().cpu())

    def _of_pixels(self, sample: Mapping) -> Tensor:
        if 'seg_logits' not in sample:
            raise ValueError(
                f'{sample.get("img_path", "An image")} has no class scores, which LabelFreeMetric needs: leave out '
                'test-time augmentation, or the metric.'
            )
        logits = sample['seg_logits']['data'].flatten(1)
        generator = torch.Generator().manual_seed(zlib.crc32(os.fsencode(Path(sample.get('img_path') or '').name)))
        chosen = torch.randint(logits.shape[1], (self.pixels,), generator=generator).to(logits.device)
        chosen_logits = logits[:, chosen].T.float()
        if chosen_logits.shape[1] > 1:
            return chosen_logits.softmax(1)
        return torch.cat((1 - chosen_logits, chosen_logits), 1)  # mmseg has made a sigmoid of a single score

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Return the criteria of all processes' images."""
        probability = torch.cat(results)
        near = probability[:: -(-len(probability) // NEIGHBOURS)]
        scores = dict(
            entropy=mean_entropy(probability),
            mutual_information=mutual_information(probability),
            snd=soft_neighbourhood_density(near),
            bnm=batch_nuclear_norm(probability),
            corr_c=class_correlation(probability),
        )
        return {name: round(float(value), 5) for name, value in scores.items()} | self._agreement(probability)

    def _agreement(self, probability: Tensor) -> dict[str, float]:
        """Compare a teacher's classes with those of the student before it."""
        classes, student = probability.argmax(1), self._classes.pop('student', None)
        if self.network == 'student':
            self._classes['student'] = classes
        if self.network != 'teacher' or student is None or len(student) != len(classes):
            return {}
        return dict(agreement=round(float((student == classes).float().mean()), 5))
