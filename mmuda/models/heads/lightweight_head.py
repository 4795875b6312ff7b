"""The head of VFM-UDA on a plain vision transformer: patches are enlarged four times, then classified.

Englert et al., Exploring the Benefits of Vision Foundation Models for Unsupervised Domain Adaptation (VFM-UDA, 2024),
https://arxiv.org/abs/2406.09896.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmuda import compat

compat.apply()

from mmseg.models.decode_heads.decode_head import BaseDecodeHead

from mmuda.registry import MODELS


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of each place."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]``."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@MODELS.register_module()
class LightweightHead(BaseDecodeHead):
    """Two transposed convolutions of stride 2, each to half the channels; a 3×3 convolution; a classifier. No bias.

    Args:
        in_channels: Channels C of the last layer's patches; the classifier has C / 4.
        in_index: Which of the encoder's outputs that is.
        **kwargs: For mmseg's `BaseDecodeHead` (`num_classes`, `loss_decode`, …).

    Raises:
        ValueError: Channels that cannot be divided by 4.

    Example:
        >>> import torch
        >>> head = LightweightHead(in_channels=384, num_classes=19)
        >>> list(head([torch.zeros(1, 384, 8, 10)]).shape)
        [1, 19, 32, 40]
    """

    def __init__(self, in_channels: int, in_index: int = -1, **kwargs) -> None:
        if in_channels % 4:
            raise ValueError(f'LightweightHead has in_channels={in_channels}: two halvings need a multiple of 4.')
        kwargs.setdefault('init_cfg', dict(type='Normal', std=0.1, override=dict(name='conv_seg')))
        channels = in_channels // 4
        super().__init__(in_channels=in_channels, in_index=in_index, channels=channels, dropout_ratio=0.0, **kwargs)
        self.conv_seg = nn.Conv2d(channels, self.out_channels, 1, bias=False)
        self.enlarge1 = nn.ConvTranspose2d(in_channels, 2 * channels, 2, stride=2, bias=False)
        self.norm1 = ChannelNorm(2 * channels)
        self.enlarge2 = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2, bias=False)
        self.norm2 = ChannelNorm(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm3 = ChannelNorm(channels)

    def forward(self, inputs: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
        """Map patches ``[B, C, h, w]`` → logits ``[B, K, 4h, 4w]``."""
        x = F.gelu(self.norm1(self.enlarge1(self._transform_inputs(inputs))))
        x = self.norm2(self.enlarge2(x))
        return self.cls_seg(self.norm3(self.conv(x)))
