"""From the teacher's class scores to pseudo-labels and the pixels that count."""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmengine import dist
from torch import Tensor, nn

from mmuda.registry import MODELS


class PseudoLabel(NamedTuple):
    """Shapes: B target images of H × W pixels, or of one label each."""

    label: Tensor
    """``[B, H, W]`` or ``[B]`` class indices."""
    valid: Tensor | None
    """The same shape, bool: the pixels that count; None when all do."""
    confidence: Tensor | None
    """``[B]`` share of the valid pixels whose top probability reaches the threshold; None when not asked for."""


@MODELS.register_module()
class PseudoLabeler(nn.Module):
    """Hard labels from the teacher, without gradient.

    Args:
        ignore_top: Rows at the top of the training crop that never count. DAFormer leaves out 15 on
            Cityscapes (artefacts of the rectification). Rows of the *crop*: meant for crops as high
            as the image.
        ignore_bottom: Rows at the bottom that never count (120 on Cityscapes: the ego car's
            bonnet).
        confidence_threshold: Probability of DACS' confidence weight (Tranheden et al., WACV 2021,
            0.968): the loss of an image is scaled by the share of its pixels above it. None: off,
            as STCT's coordination weight has that role.
        confidence_reduction: ``image`` or ``batch`` (DACS: one share for the whole batch, over all processes).
    """

    def __init__(
        self,
        ignore_top: int = 0,
        ignore_bottom: int = 0,
        confidence_threshold: float | None = None,
        confidence_reduction: str = 'image',
    ) -> None:
        super().__init__()
        if ignore_top < 0 or ignore_bottom < 0:
            raise ValueError(
                f'PseudoLabeler ignores rows: ignore_top={ignore_top} and ignore_bottom={ignore_bottom} '
                'must not be negative.'
            )
        if confidence_threshold is not None and not 0 <= confidence_threshold <= 1:
            raise ValueError(
                f'confidence_threshold={confidence_threshold} is no probability: give one in [0, 1], or None for off.'
            )
        if confidence_reduction not in ('image', 'batch'):
            raise ValueError(f"confidence_reduction={confidence_reduction!r} is unknown: use 'image' or 'batch'.")
        self.ignore_top = ignore_top
        self.ignore_bottom = ignore_bottom
        self.confidence_threshold = confidence_threshold
        self.confidence_reduction = confidence_reduction

    @torch.no_grad()
    def forward(self, logits: Tensor, valid: Tensor | None = None) -> PseudoLabel:
        """Label every pixel, or every image, by the teacher's argmax.

        Args:
            logits: ``[B, K, H, W]`` of the teacher, at label size, or ``[B, K]``.
            valid: ``[B, H, W]`` or ``[B]`` bool, False on padding (None: no padding).

        Raises:
            ValueError: The ignored rows leave no pixel, or there are no rows to ignore.
        """
        valid = self._without_borders(logits, valid)
        if self.confidence_threshold is None:
            return PseudoLabel(logits.max(1).indices, valid, None)  # argmax takes 2.4 times as long on a CPU
        probability, label = logits.float().softmax(1).max(1)
        return PseudoLabel(label, valid, self._confidence(probability, valid))

    def _without_borders(self, logits: Tensor, valid: Tensor | None) -> Tensor | None:
        if not (self.ignore_top or self.ignore_bottom):
            return valid
        if logits.dim() != 4:
            raise ValueError(
                f'PseudoLabeler ignores {self.ignore_top} + {self.ignore_bottom} rows, but the teacher gives one label '
                'an image: leave out ignore_top and ignore_bottom.'
            )
        batch, _, height, width = logits.shape
        if self.ignore_top + self.ignore_bottom >= height:
            raise ValueError(
                f'PseudoLabeler ignores {self.ignore_top} + {self.ignore_bottom} rows of a crop that is only '
                f'{height} pixels high: lower ignore_top or ignore_bottom.'
            )
        inside = torch.zeros(batch, height, width, dtype=torch.bool, device=logits.device)
        inside[:, self.ignore_top : height - self.ignore_bottom] = True
        return inside if valid is None else inside & valid

    def _confidence(self, probability: Tensor, valid: Tensor | None) -> Tensor:
        """Share of sure pixels ``[B]`` (the same for all images with ``confidence_reduction='batch'``)."""
        probability = probability.reshape(len(probability), -1)
        valid = torch.ones_like(probability, dtype=torch.bool) if valid is None else valid.reshape(probability.shape)
        sure = (probability >= self.confidence_threshold) & valid
        if self.confidence_reduction == 'batch':
            counts = torch.stack((sure.sum(), valid.sum())).double()
            dist.all_reduce(counts)
            return (counts[0] / counts[1].clamp_min(1)).float().expand(len(sure))
        return sure.sum(1) / valid.sum(1).clamp_min(1)
