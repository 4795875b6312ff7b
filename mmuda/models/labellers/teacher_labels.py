"""Pseudo-labels of the target from a mean teacher: its argmax, the pixels that count, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from mmengine import dist
from torch import Tensor

from mmuda.functional import surest_of_each_class
from mmuda.registry import MODELS

from ..views import IGNORE_INDEX, View
from .base import Ask, Labeller

CONFIDENCES = ('share', 'share_of_all', 'image', 'pixel', 'class')


@MODELS.register_module()
class TeacherLabels(Labeller):
    """Hard labels of the plain target, without gradient.

    Args:
        ignore_top: Rows at the top of the training crop that never count. DAFormer leaves out 15 on
            Cityscapes (artefacts of the rectification). Rows of the *crop*: meant for crops as high
            as the image.
        ignore_bottom: Rows at the bottom that never count (120 on Cityscapes: the ego car's
            bonnet).
        confidence: What the target's loss is weighed with (None: nothing, as STCT's coordination weight has that
            role). ``share``: the share of the batch's counted pixels whose top probability reaches the threshold, over
            all processes (DACS, Tranheden et al., WACV 2021). ``share_of_all``: the share of all its pixels, those in
            ignored rows and on padding among them, as in the released codes of DACS, DAFormer, HRDA and MIC.
            ``image``: each image's own share of counted pixels. ``pixel``: 1 for such a pixel and 0 for any other.
            ``class``: as ``pixel``, and 1 for the surest pixels of each class of the batch, too, so that rare classes
            keep some (CBST, Zou et al., ECCV 2018, whose thresholds are of all images).
        threshold: The probability, 0.968 in DACS.
        drop: The share of each class's pixels that ``confidence='class'`` leaves out unless they reach the threshold.
        flip: Whether the teacher also sees the mirrored images, and the mean of the two probabilities counts (VFM-UDA).
            It costs a second pass of the teacher.

    Example:
        >>> target = View(torch.rand(1, 3, 2, 2))
        >>> logits = torch.tensor([[[[9.0, 0.1], [0.0, 0.0]], [[0.0, 0.0], [9.0, 9.0]]]])  # unsure of one pixel
        >>> views, _ = TeacherLabels(confidence='share')(dict(target=target), ask=lambda network, views: logits)
        >>> views['target'].label, views['target'].weight
        (tensor([[[0, 0],
                 [1, 1]]]), tensor([0.7500]))
    """

    network = 'teacher'

    def __init__(
        self,
        ignore_top: int = 0,
        ignore_bottom: int = 0,
        confidence: str | None = None,
        threshold: float = 0.968,
        flip: bool = False,
        drop: float = 0.5,
    ) -> None:
        super().__init__()
        if ignore_top < 0 or ignore_bottom < 0:
            raise ValueError(
                f'TeacherLabels ignores rows: ignore_top={ignore_top} and ignore_bottom={ignore_bottom} '
                'must not be negative.'
            )
        if confidence not in (None, *CONFIDENCES):
            raise ValueError(
                f'TeacherLabels has confidence={confidence!r}: use one of {", ".join(CONFIDENCES)}, or None for off.'
            )
        if not 0 <= threshold <= 1:
            raise ValueError(f'TeacherLabels has threshold={threshold}: a probability lies in [0, 1].')
        if not 0 <= drop < 1:
            raise ValueError(f'TeacherLabels has drop={drop}: the share that is left out lies in [0, 1).')
        self.ignore_top = ignore_top
        self.ignore_bottom = ignore_bottom
        self.confidence = confidence
        self.threshold = threshold
        self.flip = flip
        self.drop = drop

    @torch.no_grad()
    def forward(self, views: Mapping[str, View], ask: Ask) -> tuple[dict[str, View], dict[str, Tensor]]:
        """Return the target with the teacher's labels."""
        target = views['target']
        logits = ask('teacher', [target])
        if self.flip:
            mirrored = ask('teacher', [replace(target, inputs=target.inputs.flip(-1))])
            logits = log_mean(logits, mirrored.flip(-1) if mirrored.dim() == 4 else mirrored)
        label, weight = self.label(logits, target.valid)
        complete = None if self._leaves_out(target.valid) else label
        return dict(target=replace(target, label=label, complete=complete, weight=weight)), {}

    @torch.no_grad()
    def label(self, logits: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Label every pixel, or every image, by the teacher's argmax.

        Args:
            logits: ``[B, K, H, W]`` of the teacher, at label size, or ``[B, K]``.
            valid: ``[B, H, W]`` or ``[B]`` bool, False on padding (None: no padding).

        Returns:
            Labels ``[B, H, W]`` or ``[B]``, and their weights: ``[B]``, with ``'pixel'`` and ``'class'`` of the labels'
            shape, None without confidence.

        Raises:
            ValueError: The ignored rows leave no pixel, or there are no rows to ignore.
        """
        valid = self._without_borders(logits, valid)
        if self.confidence is None:
            label, weight = logits.max(1).indices, None  # argmax takes 2.4 times as long on a CPU
        else:
            probability, label = logits.float().softmax(1).max(1)
            if self.confidence == 'class':
                sure = surest_of_each_class(label, probability, logits.shape[1], self.drop, self.threshold, valid)
            else:
                sure = probability >= self.threshold
            weight = self._weight(sure, valid)
        if valid is not None:
            label = label.masked_fill(~valid, IGNORE_INDEX if label.dim() > 1 else -1)
        return label, weight

    def _leaves_out(self, valid: Tensor | None) -> bool:
        """Tell whether a place may not count."""
        return bool(valid is not None or self.ignore_top or self.ignore_bottom)

    def _without_borders(self, logits: Tensor, valid: Tensor | None) -> Tensor | None:
        if not (self.ignore_top or self.ignore_bottom):
            return valid
        if logits.dim() != 4:
            raise ValueError(
                f'TeacherLabels ignores {self.ignore_top} + {self.ignore_bottom} rows, but the teacher gives one label '
                'an image: leave out ignore_top and ignore_bottom.'
            )
        batch, _, height, width = logits.shape
        if self.ignore_top + self.ignore_bottom >= height:
            raise ValueError(
                f'TeacherLabels ignores {self.ignore_top} + {self.ignore_bottom} rows of a crop that is only '
                f'{height} pixels high: lower ignore_top or ignore_bottom.'
            )
        inside = torch.zeros(batch, height, width, dtype=torch.bool, device=logits.device)
        inside[:, self.ignore_top : height - self.ignore_bottom] = True
        return inside if valid is None else inside & valid

    def _weight(self, sure: Tensor, valid: Tensor | None) -> Tensor:
        """Weigh images, or pixels, by the share of ``sure`` ones: ``[B]``, or of the shape of ``sure``."""
        if self.confidence in ('pixel', 'class'):
            return sure.float()
        sure = sure.reshape(len(sure), -1)
        everywhere = valid is None or self.confidence == 'share_of_all'
        valid = torch.ones_like(sure) if everywhere else valid.reshape(sure.shape)
        sure = sure & valid
        if self.confidence != 'image':
            counts = torch.stack((sure.sum(), valid.sum())).double()
            dist.all_reduce(counts)
            return (counts[0] / counts[1].clamp_min(1)).float().expand(len(sure))
        return sure.sum(1) / valid.sum(1).clamp_min(1)


def log_mean(first: Tensor, second: Tensor) -> Tensor:
    """Return logarithms of the mean of the probabilities that two sets of logits ``[B, K, ...]`` stand for."""
    return torch.logaddexp(first.float().log_softmax(1), second.float().log_softmax(1)) - math.log(2)
