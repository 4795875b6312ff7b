"""The domain discriminator of DANN and CDAN (Long et al., NeurIPS 2018): an MLP with one output."""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.registry import MODELS


@MODELS.register_module()
class DomainDiscriminator(nn.Sequential):
    """in → channels → channels → 1 with ReLU and dropout; weights by Xavier's normal rule, biases 0.

    It has no batch norm: a discriminator sees both domains, and their joint statistics would tell it nothing else.

    Args:
        in_channels: Channels of the features (times classes, for CDAN).
        channels: Width of the hidden layers.
        num_hidden: How many there are; 0 is a linear discriminator.
        dropout: Probability of dropout behind each.
    """

    def __init__(self, in_channels: int, channels: int = 1024, num_hidden: int = 2, dropout: float = 0.5) -> None:
        layers: list[nn.Module] = []
        width = in_channels
        for _ in range(num_hidden):
            layers += [nn.Linear(width, channels), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            width = channels
        super().__init__(*layers, nn.Linear(width, 1))
        for layer in self:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C]`` → logits ``[B]``, positive for the source."""
        return super().forward(x).squeeze(1)
