"""Conditional adversarial adaptation (CDAN and CDAN+E, Long et al., NeurIPS 2018).

The discriminator sees features f and class probabilities g jointly, through their outer product, or a random
projection of it. CDAN+E weighs each sample by ``1 + e^(−H(g))``, so that sure predictions lead.

What only the released code shows: g is detached inside the outer product; the entropy is not, and its gradient is
reversed with a ramp of its own; the sum of weights has no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.functional import (
    adaptation_ramp,
    entropy_weight,
    multilinear_map,
    prediction_entropy,
    randomized_multilinear_map,
)
from mmuda.registry import MODELS

from ..layers import reverse_gradient
from ..views import View
from .adversarial import AdversarialTerm
from .base import check_ramp
from .features import joint_features, joint_logits


@MODELS.register_module()
class CDAN(AdversarialTerm):
    """The adversarial loss on features and predictions.

    Args:
        in_channels: Channels of the tapped features.
        num_classes: Classes of the main head.
        entropy: Weigh samples by their entropy (CDAN+E).
        random_dim: Dimensions of the randomised map (None: the full outer product; the paper projects to 1024 where
            ``in_channels · num_classes`` exceeds 4096).
        detach_prediction: Whether the conditioning gives the classifier no gradient, as in the released code.
        entropy_ramp_steps: The ramp of the entropy's reversed gradient: steps, or a share of the training.
        kwargs: Arguments of :class:`.AdversarialTerm`.

    Example:
        >>> parts = dict(features=dict(neck=torch.rand(4, 16)), logits=torch.rand(4, 3))
        >>> source, target = (View(torch.rand(4, 3, 8, 8), **parts) for _ in range(2))
        >>> sorted(CDAN(in_channels=16, num_classes=3, entropy=True)(source, target, step=torch.tensor(0)))
        ['coefficient', 'domain_accuracy', 'loss']
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        entropy: bool = False,
        random_dim: int | None = None,
        detach_prediction: bool = True,
        entropy_ramp_steps: float = 10000,
        **kwargs,
    ) -> None:
        super().__init__(in_channels * num_classes if random_dim is None else random_dim, **kwargs)
        if entropy_ramp_steps <= 0:
            raise ValueError(
                f'CDAN has entropy_ramp_steps={entropy_ramp_steps}: give the number of steps after which the entropy '
                "weight's reversed gradient has nearly its full strength."
            )
        check_ramp(self, entropy_ramp_steps=entropy_ramp_steps)
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.entropy = entropy
        self.random_dim = random_dim
        self.detach_prediction = detach_prediction
        self.entropy_ramp_steps = entropy_ramp_steps
        if random_dim is not None:
            self.register_buffer('feature_matrix', torch.randn(in_channels, random_dim))
            self.register_buffer('probability_matrix', torch.randn(num_classes, random_dim))

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return loss, accuracy and λ; the tap gives ``[B, in_channels]``, the head ``[B, num_classes]``."""
        features = joint_features(self, source, target, self.in_channels)
        logits = joint_logits(self, source, target, self.num_classes)
        weight = self._weight(logits, step) if self.entropy else None
        return self.play(self._condition(features, logits), len(source.inputs), step, weight)

    def _condition(self, features: Tensor, logits: Tensor) -> Tensor:
        """Map ``[B, C]``, ``[B, K]`` → ``[B, K·C]`` or ``[B, random_dim]``."""
        probability = (logits.detach() if self.detach_prediction else logits).softmax(1)
        if self.random_dim is None:
            return multilinear_map(features, probability)
        return randomized_multilinear_map(features, probability, self.feature_matrix, self.probability_matrix)

    def _weight(self, logits: Tensor, step: Tensor) -> Tensor:
        """Return ``[B]``, its gradient reversed: the classifier becomes sure where the domains can be told apart."""
        ramp_steps = self.steps(self.entropy_ramp_steps, 'entropy_ramp_steps')
        ramp = adaptation_ramp(step, ramp_steps, self.ramp_gamma)
        return entropy_weight(reverse_gradient(prediction_entropy(logits), ramp))
