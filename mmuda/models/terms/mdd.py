"""Margin disparity discrepancy (MDD, Zhang et al., ICML 2019), as the paper trains it.

    min_f'   γ · mean_s −log σ_y(f'(ψ(x)))  +  mean_t −log(1 − σ_y(f'(ψ(x))))        y = argmax f(ψ(x))

The auxiliary classifier f' agrees with the main one, f, on the source and contradicts it on the target as far as it
can; the reversed gradient makes the features ψ leave it no room. γ = e^ρ stands for the margin ρ. The predictions y
carry no gradient. The reversed one's coefficient rises to ``high``, the trade-off η of the paper.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mmuda.functional import adaptation_ramp, log_complement, widened
from mmuda.registry import MODELS

from ..layers import reverse_gradient
from ..views import View
from .balance import domain_means
from .base import AlignmentTerm, check_ramp
from .features import joint_features, joint_logits


@MODELS.register_module()
class MDD(AlignmentTerm):
    """The disparity of an auxiliary classifier, an adversary of the features.

    Args:
        in_channels: Channels of the tapped features.
        num_classes: Classes of the main head.
        tap: Dotted name of the student's module whose features are aligned.
        margin: γ.
        channels: Width of the auxiliary classifier's hidden layer (None: it is linear).
        dropout: Probability of dropout behind the hidden layer.
        high: Where the coefficient of the reversed gradient ends.
        ramp_steps: Steps after which the ramp's progress p is 1; a float up to 1 is a share of the training.
        ramp_gamma: Steepness of the ramp.
        loss_weight: Weight of the loss.

    Example:
        >>> parts = dict(features=dict(neck=torch.rand(4, 16)), logits=torch.rand(4, 3))
        >>> source, target = (View(torch.rand(4, 3, 8, 8), **parts) for _ in range(2))
        >>> sorted(MDD(in_channels=16, num_classes=3)(source, target, step=torch.tensor(0)))
        ['coefficient', 'loss', 'source_disparity', 'target_disparity']
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        tap: str = 'neck',
        margin: float = 4.0,
        channels: int | None = 1024,
        dropout: float = 0.5,
        high: float = 0.1,
        ramp_steps: float = 1000,
        ramp_gamma: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(taps=(tap,), loss_weight=loss_weight)
        if margin <= 0 or ramp_steps <= 0 or num_classes < 2:
            raise ValueError(
                f'MDD has margin={margin}, ramp_steps={ramp_steps} and num_classes={num_classes}: the first two must '
                'be positive, and there must be two classes or more.'
            )
        check_ramp(self, ramp_steps=ramp_steps, ramp_gamma=ramp_gamma, high=high)
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.margin = margin
        self.ramp_steps = ramp_steps
        self.ramp = dict(gamma=ramp_gamma, high=high)
        self.classifier = _classifier(in_channels, channels, num_classes, dropout)

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return the loss, its halves and the coefficient; the tap gives ``[B, in_channels]``, the head ``[B,
        num_classes]``.
        """
        features = joint_features(self, source, target, self.in_channels)
        prediction = joint_logits(self, source, target, self.num_classes).max(1).indices
        coefficient = adaptation_ramp(step, self.steps(self.ramp_steps, 'ramp_steps'), **self.ramp)
        logits = widened(self.classifier(reverse_gradient(features, coefficient)))
        count = len(source.inputs)
        agree = F.cross_entropy(logits[:count], prediction[:count], reduction='none')
        contradict = -log_complement(logits[count:], prediction[count:])
        agree, contradict = domain_means(agree, contradict)
        return dict(
            loss=self.loss_weight * (self.margin * agree + contradict),
            source_disparity=agree.detach(),
            target_disparity=contradict.detach(),
            coefficient=coefficient,
        )


def _classifier(in_channels: int, channels: int | None, num_classes: int, dropout: float) -> nn.Sequential:
    """Build a classifier with weights N(0, 0.01) and biases 0, as in the released code."""
    hidden = [] if channels is None else [nn.Linear(in_channels, channels), nn.ReLU(inplace=True), nn.Dropout(dropout)]
    layers = [*hidden, nn.Linear(channels or in_channels, num_classes)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)
