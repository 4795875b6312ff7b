"""What DANN and CDAN share: a discriminator behind a gradient reversal, and its loss, balanced over the domains."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mmuda.functional import adaptation_ramp, widened
from mmuda.registry import MODELS, build_own

from ..layers import reverse_gradient
from .balance import domain_means
from .base import AlignmentTerm, check_ramp


class AdversarialTerm(AlignmentTerm):
    """``loss_weight · ½ (mean_s −log D(x) + mean_t −log(1 − D(x)))``, the features' gradient reversed and times λ.

    The half is that of the released codes, which average over a joint batch of equal halves.

    Args:
        in_channels: Channels of what the discriminator is given.
        tap: Dotted name of the student's module whose features are aligned.
        ramp_steps: Steps after which progress p of λ = 2 / (1 + e^(−γp)) − 1 is 1; a float up to 1 is a share of the
            training.
        ramp_gamma: γ.
        discriminator: Config of the discriminator, without ``in_channels``.
        loss_weight: Weight of the loss.
    """

    def __init__(
        self,
        in_channels: int,
        tap: str = 'neck',
        ramp_steps: float = 10000,
        ramp_gamma: float = 10.0,
        discriminator: dict | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(taps=(tap,), loss_weight=loss_weight)
        check_ramp(self, ramp_steps=ramp_steps, ramp_gamma=ramp_gamma)
        self.ramp_steps = ramp_steps
        self.ramp_gamma = ramp_gamma
        cfg = dict(type='DomainDiscriminator', in_channels=in_channels) | dict(discriminator or {})
        self.discriminator = build_own(MODELS, cfg)

    def coefficient(self, step: Tensor) -> Tensor:
        """Return λ of a step."""
        return adaptation_ramp(step, self.steps(self.ramp_steps, 'ramp_steps'), self.ramp_gamma)

    def play(self, joint: Tensor, num_source: int, step: Tensor, weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return one move of the game on ``[source | target]``: loss, the discriminator's accuracy, λ.

        Args:
            joint: ``[B, in_channels]``.
            num_source: How many rows are source.
            step: Training steps done so far.
            weight: ``[B]`` weights of the samples within their domain.
        """
        coefficient = self.coefficient(step)
        logits = widened(self.discriminator(reverse_gradient(joint, coefficient)))
        source, target = F.softplus(-logits[:num_source]), F.softplus(logits[num_source:])
        weights = (None, None) if weight is None else (weight[:num_source], weight[num_source:])
        loss = self.loss_weight * sum(domain_means(source, target, *weights)) / 2
        return dict(loss=loss, domain_accuracy=_accuracy(logits, num_source), coefficient=coefficient)


@torch.no_grad()
def _accuracy(logits: Tensor, num_source: int) -> Tensor:
    """Measure how well this process's domains are told apart: 0.5 is chance, also for unequal sizes."""
    right_source, right_target = logits[:num_source] > 0, logits[num_source:] <= 0
    return (right_source.float().mean() + right_target.float().mean()) / 2
