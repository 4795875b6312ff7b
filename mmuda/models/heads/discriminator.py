"""Discriminators of domains: an MLP for features, a fully convolutional one for maps."""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.registry import MODELS


@MODELS.register_module()
class DomainDiscriminator(nn.Sequential):
    """The discriminator of DANN and CDAN (Long et al., NeurIPS 2018).

    in → channels → channels → 1 with ReLU and dropout; weights by Xavier's normal rule, biases 0.

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
        """Map ``[B, C]`` → logits ``[B]``, positive for the source."""
        return super().forward(x).squeeze(1)


@MODELS.register_module()
class MapDiscriminator(nn.Sequential):
    """The fully convolutional discriminator of AdaptSegNet (Tsai et al., CVPR 2018) and ADVENT (Vu et al., CVPR 2019).

    Five 4×4 convolutions of stride 2 with LeakyReLU 0.2 between them, without norms: channels · (1, 2, 4, 8), then 1.

    Args:
        in_channels: Channels of the maps: the number of classes.
        channels: Width of the first layer; 64 in both papers.

    Example:
        >>> MapDiscriminator(in_channels=19)(torch.randn(2, 19, 64, 128)).shape
        torch.Size([2, 1, 2, 4])
    """

    def __init__(self, in_channels: int, channels: int = 64) -> None:
        layers: list[nn.Module] = []
        width = in_channels
        for factor in (1, 2, 4, 8):
            layers += [nn.Conv2d(width, channels * factor, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            width = channels * factor
        super().__init__(*layers, nn.Conv2d(width, 1, 4, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map maps ``[B, C, H, W]`` → logits ``[B, 1, H / 32, W / 32]``.

        Raises:
            ValueError: Maps of less than 32 × 32 pixels.
        """
        if min(x.shape[-2:]) < 32:
            raise ValueError(
                f'MapDiscriminator halves its input five times, and the maps have {x.shape[-2]}×{x.shape[-1]} pixels: '
                'scale them to the size of the image first.'
            )
        return super().forward(x)
