"""FixMatch's pseudo-labels (Sohn et al., NeurIPS 2020; DIDA-Net, T-IP 2022, Eq. 8): the sure ones count.

    ŷ = argmax p(weak view)    q = max p(weak view)    w = 1[q >= tau]        L_t = mean_i w_i · CE(strong view_i, ŷ_i)

The mean is over all rows, sure or not. On DomainNet DIDA-Net has q itself in place of the indicator, which its released
code lacks: ``weighting='confidence'``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmuda.registry import MODELS

WEIGHTINGS = ('threshold', 'confidence')


class SureLabel(NamedTuple):
    """Labels of B images; nothing of it has a gradient."""

    label: Tensor
    """``[B]`` class indices."""
    weight: Tensor
    """``[B]`` what the loss of each image is multiplied with."""
    sure: Tensor
    """``[B]`` bool, whether its probability reaches the threshold."""


@MODELS.register_module()
class FixMatchLabeler(nn.Module):
    """Class scores of weak views → labels and their weights.

    Args:
        threshold: tau, 0.95 in both papers; a probability equal to it is sure.
        weighting: ``threshold``: 1 for a sure label and 0 for any other. ``confidence``: its probability.
    """

    def __init__(self, threshold: float = 0.95, weighting: str = 'threshold') -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f'FixMatchLabeler has threshold={threshold}: a probability lies in [0, 1].')
        if weighting not in WEIGHTINGS:
            raise ValueError(f'FixMatchLabeler has weighting={weighting!r}: use one of {", ".join(WEIGHTINGS)}.')
        self.threshold = threshold
        self.weighting = weighting

    @torch.no_grad()
    def forward(self, logits: Tensor) -> SureLabel:
        """``[B, K]`` class scores → :class:`SureLabel`; half-precision scores get single-precision probabilities."""
        exact = torch.promote_types(logits.dtype, torch.float32)
        confidence, label = logits.softmax(1, dtype=exact).max(1)
        sure = confidence >= self.threshold
        return SureLabel(label, confidence if self.weighting == 'confidence' else sure.to(exact), sure)
