"""Wide residual networks for small images: WRN-28-2 is the network of semi-supervised learning on CIFAR-10.

Zagoruyko & Komodakis, Wide Residual Networks (BMVC 2016): a 3×3 convolution, three groups of (depth − 4) / 6
pre-activation blocks with 16, 32 and 64 times k channels, the later two with stride 2. Where a block changes the number
of channels, norm and activation come before both its paths. Dropout stands between a block's convolutions. FixMatch
(NeurIPS 2020) has leaky ReLUs of slope 0.1, and batch norm with eps = momentum = 0.001 (in torch's sense of momentum).
"""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

from mmuda import compat
from mmuda.registry import MODELS

compat.apply()

from mmcv.cnn import build_norm_layer


@MODELS.register_module()
class WideResNet(BaseModule):
    """WRN-depth-k: ``[B, 3, H, W]`` → maps of chosen groups, ``[B, 16k, H, W]``, ``[B, 32k, H/2, W/2]`` and
    ``[B, 64k, H/4, W/4]``; the last one after the network's final norm and activation.

    Args:
        depth: Number of convolutions, 6n + 4.
        widen_factor: k.
        in_channels: Of the images.
        out_indices: Groups whose output is wanted, counted from 0.
        negative_slope: Of the leaky ReLUs; 0.0 is the paper's ReLU, 0.1 FixMatch's.
        dropout: Its probability.
        norm_cfg: The norms.
        init_cfg: The first weights.
    """

    def __init__(
        self,
        depth: int = 28,
        widen_factor: int = 2,
        in_channels: int = 3,
        out_indices: Sequence[int] = (2,),
        negative_slope: float = 0.1,
        dropout: float = 0.0,
        norm_cfg: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', a=negative_slope, nonlinearity='leaky_relu'))
        if (depth - 4) % 6:
            raise ValueError(f'WideResNet has depth={depth}: give 6n + 4, such as 28, 34 or 40.')
        if not set(out_indices) <= {0, 1, 2}:
            raise ValueError(f'WideResNet has out_indices={tuple(out_indices)}, but its groups are 0, 1 and 2.')
        self.out_indices = tuple(out_indices)
        norm_cfg = norm_cfg or dict(type='BN')
        channels = [16, *(width * widen_factor for width in (16, 32, 64))]
        self.conv = nn.Conv2d(in_channels, channels[0], 3, padding=1, bias=False)
        self.groups = Sequential()
        for index in range(3):
            blocks = Sequential()
            for number in range((depth - 4) // 6):
                first = channels[index] if number == 0 else channels[index + 1]
                stride = 2 if index and number == 0 else 1
                blocks.append(PreActivationBlock(first, channels[index + 1], stride, negative_slope, dropout, norm_cfg))
            self.groups.append(blocks)
        self.norm = build_norm_layer(norm_cfg, channels[-1])[1]
        self.activation = nn.LeakyReLU(negative_slope, inplace=True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the groups in ``out_indices``."""
        x, outs = self.conv(x), []
        for index, group in enumerate(self.groups):
            x = group(x)
            if index in self.out_indices:
                outs.append(self.activation(self.norm(x)) if index == 2 else x)
        return tuple(outs)


class PreActivationBlock(BaseModule):
    """Norm → activation → 3×3 → norm → activation (→ dropout) → 3×3, around a residual path.

    Args:
        in_channels, out_channels: Where they differ, the residual path is a 1×1 convolution of the activated input.
        stride: Of the first convolution.
        negative_slope, dropout, norm_cfg: See :class:`WideResNet`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, negative_slope: float, dropout: float, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.norm1 = build_norm_layer(norm_cfg, in_channels)[1]
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm2 = build_norm_layer(norm_cfg, out_channels)[1]
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.activation = nn.LeakyReLU(negative_slope, inplace=True)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.shortcut = None
        if in_channels != out_channels or stride != 1:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in_channels, H, W]`` → ``[B, out_channels, ⌈H / stride⌉, ⌈W / stride⌉]``."""
        activated = self.activation(self.norm1(x))
        out = self.conv2(self.dropout(self.activation(self.norm2(self.conv1(activated)))))
        return out + (x if self.shortcut is None else self.shortcut(activated))
