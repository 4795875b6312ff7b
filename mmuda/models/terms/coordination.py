"""STCT's coordination weight (OpenReview oBXFemWGPWN, Eq. 1): when to let the target in, and how much."""

from __future__ import annotations

import torch
from mmengine import dist
from torch import Tensor, nn

from mmuda.functional import coordination_ramp, pixel_agreement
from mmuda.registry import MODELS

from .training_length import FollowsLength


@MODELS.register_module()
class CoordinationWeight(FollowsLength, nn.Module):
    """``Coor_i = Acc(argmax p_i, yhat_i) · (1 − e^(−alpha·step))``, one weight per target image, no gradient.

    Args:
        alpha: Speed of the ascent; 2e-4 in the paper. 0 never lets the target in (source only).
        reduction: ``image`` follows the superscript i of Eq. 1; ``batch`` uses one agreement for
            all target images of the step, over all processes.
        fixed: A constant that replaces the weight from the first step on; 1.0 is the paper's
            "without coordination weight". The agreement is still returned for the log.
        horizon: The length of the training that alpha is meant for: one of another length passes through the same
            ascent, faster or slower (None: alpha is meant for steps, whatever the length).

    Example:
        >>> label = torch.tensor([[[0, 1], [1, 0]]])
        >>> logits = torch.nn.functional.one_hot(label, 2).permute(0, 3, 1, 2).float()  # the student agrees everywhere
        >>> CoordinationWeight(alpha=2e-4)(logits, label, step=5000)  # 1 − 1/e
        tensor([0.6321])
    """

    def __init__(
        self, alpha: float = 2e-4, reduction: str = 'image', fixed: float | None = None, horizon: int | None = None
    ) -> None:
        super().__init__()
        if horizon is not None and horizon < 1:
            raise ValueError(f'CoordinationWeight has horizon={horizon}: give a number of steps, 1 or more.')
        if alpha < 0:
            raise ValueError(f'CoordinationWeight has alpha={alpha}: the ramp 1 − e^(−alpha·step) needs alpha >= 0.')
        if reduction not in ('image', 'batch'):
            raise ValueError(f"CoordinationWeight has reduction={reduction!r}: use 'image' or 'batch'.")
        if fixed is not None and fixed < 0:
            raise ValueError(f'CoordinationWeight has fixed={fixed}: a loss weight must not be negative.')
        self.alpha = alpha
        self.reduction = reduction
        self.fixed = fixed
        self.horizon = horizon

    @torch.no_grad()
    def forward(
        self,
        student_logits: Tensor,
        pseudo_label: Tensor,
        step: Tensor | int,
        valid: Tensor | None = None,
    ) -> Tensor:
        """Return the weight of each image.

        Args:
            student_logits: ``[B, K, H, W]`` at label size, or ``[B, K]``.
            pseudo_label: ``[B, H, W]`` or ``[B]`` class indices from the teacher.
            step: Training steps done so far.
            valid: Bool of the labels' shape, the pixels that count (None: all).

        Returns:
            ``[B]`` float32; 0 where no pixel is valid.
        """
        return self.weigh(self.agreement(student_logits, pseudo_label, valid), step)

    @torch.no_grad()
    def agreement(self, student_logits: Tensor, pseudo_label: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the pseudo-accuracy Acc ``[B]``: how far student and teacher agree."""
        prediction = student_logits.max(1).indices  # argmax takes 2.4 times as long on a CPU
        if self.reduction == 'image':
            return pixel_agreement(prediction, pseudo_label, valid)
        return self._batch_agreement(prediction, pseudo_label, valid)

    def weigh(self, agreement: Tensor, step: Tensor | int) -> Tensor:
        """Return the agreement ``[B]`` → weight ``[B]``."""
        if self.fixed is not None:
            return torch.full_like(agreement, self.fixed)
        return agreement * coordination_ramp(step, self._alpha()).to(agreement.device)

    def _alpha(self) -> float:
        """Return alpha for a training of this length."""
        if self.horizon is None or self.length in (None, self.horizon):
            return self.alpha
        return self.alpha * self.horizon / self.length

    @staticmethod
    def _batch_agreement(prediction: Tensor, label: Tensor, valid: Tensor | None) -> Tensor:
        agree = prediction == label
        valid = torch.ones_like(agree) if valid is None else valid
        counts = torch.stack(((agree & valid).sum(), valid.sum())).double()
        dist.all_reduce(counts)
        return (counts[0] / counts[1].clamp_min(1)).float().expand(len(label))
