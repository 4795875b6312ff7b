"""Domain-adversarial training (DANN, Ganin et al., JMLR 2016).

A discriminator learns to tell the domains apart by their features; the reversed gradient makes the features of both
alike. λ scales only what the features receive: the discriminator trains at full strength from the start (Sec. 5.2.2).
"""

from __future__ import annotations

from torch import Tensor

from mmuda.registry import MODELS

from ..views import View
from .adversarial import AdversarialTerm
from .features import joint_features


@MODELS.register_module()
class DANN(AdversarialTerm):
    """The adversarial loss on the tapped features; arguments of :class:`.AdversarialTerm`.

    Example:
        >>> source = View(torch.rand(4, 3, 8, 8), features=dict(neck=torch.rand(4, 16)), domain='source')
        >>> target = View(torch.rand(2, 3, 8, 8), features=dict(neck=torch.rand(2, 16)))
        >>> sorted(DANN(in_channels=16)(source, target, step=torch.tensor(0)))
        ['coefficient', 'domain_accuracy', 'loss']
    """

    def __init__(self, in_channels: int, **kwargs) -> None:
        super().__init__(in_channels, **kwargs)
        self.in_channels = in_channels

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return the loss, the discriminator's accuracy and λ; the tap gives ``[B, in_channels]``."""
        features = joint_features(self, source, target, self.in_channels)
        return self.play(features, len(source.inputs), step)
