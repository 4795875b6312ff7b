"""Projections of feature maps to one common shape, so that any two layers can be compared (ACDA, 2022, Eq. 2).

    l = P(q)        q: C × H × W of some layer        l: channels × size × size

A 1×1 convolution reduces the channels, `num_layers` 3×3 convolutions follow, and a 1×1 shortcut goes around these.
Every convolution has a norm, and a ReLU follows, at the end behind the sum. The paper says "three-layer residual
convolution networks" and leaves out width, kernel and size; the released code has one 22×22 convolution of 7.9 million
parameters for a 28×28 map.

How a map gets its size. A layer has stride 2 as long as the map is at least 2·size high and wide, so 28 → 14 → 7; what
remains is averaged (`adaptive_avg_pool2d`), which leaves a map that fits as it is: 12 → 7, 24×40 → 12×20 → 7×7. A map
smaller than the size is spread, 4 → 7: every cell is the mean of the one, two or four it touches. The stride is that of
the input at hand and no part of the parameters, so a module is built from its config alone and takes any input.
"""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from mmuda import compat
from mmuda.domain import DomainLayer

compat.apply()

from mmcv.cnn import build_norm_layer

POOLS = (None, 'adaptive')


class StridedConv(nn.Conv2d):
    """A convolution whose stride is that of the call, with a norm, or with a bias where there is none."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, norm_cfg: dict | None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=norm_cfg is None)
        nn.init.kaiming_normal_(self.weight, mode='fan_out', nonlinearity='relu')
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        self.norm = nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor, stride: int = 1) -> Tensor:
        """Map ``[B, C, H, W]`` → ``[B, out_channels, ⌈H / stride⌉, ⌈W / stride⌉]``."""
        return self.norm(F.conv2d(x, self.weight, self.bias, stride, self.padding))


class Projection(BaseModule):
    """P of Eq. 2, with the rows of Table 6.

    Args:
        in_channels: Of the map.
        channels, size: Of the common shape.
        num_layers: 3×3 convolutions; 0 is "pooling" alone, behind the 1×1 reduction.
        residual: Whether the shortcut is there.
        pool: None: layers bring the map to its size, by strides. ``adaptive``: it is averaged first, and the layers
            work on it with stride 1.
        norm_cfg: Norm of every convolution (None: none). It sees the maps of one domain only.

    Raises:
        ValueError: Layers that cannot be, or a norm for two domains.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 32,
        size: int = 7,
        num_layers: int = 3,
        residual: bool = True,
        pool: str | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        _check(size, num_layers, residual, pool)
        self.in_channels = in_channels
        self.size = size
        self.pool = pool
        self.reduce = StridedConv(in_channels, channels, 1, norm_cfg)
        self.layers = ModuleList(StridedConv(channels, channels, 3, norm_cfg) for _ in range(num_layers))
        self.shortcut = StridedConv(channels, channels, 1, norm_cfg) if residual else None
        if any(isinstance(module, DomainLayer) for module in self.modules()):
            raise ValueError(
                f'A projection sees one domain only, but its norm_cfg={norm_cfg} is for two: use a norm such as '
                "dict(type='BN')."
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in_channels, H, W]`` → ``[B, channels, size, size]``, never negative.

        Raises:
            ValueError: Another number of channels.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'A projection has in_channels={self.in_channels}, but got {list(x.shape)}: give maps '
                f'[B, {self.in_channels}, H, W].'
            )
        x = F.relu(self.reduce(x))
        if self.pool is not None:
            x = self._fit(x)
        return self._fit(self._convolve(x))

    def _convolve(self, x: Tensor) -> Tensor:
        """Return the layers, each with ReLU, and the shortcut before the last of them."""
        shortcut, total = x, 1
        for index, layer in enumerate(self.layers):
            stride = 2 if min(x.shape[2:]) >= 2 * self.size else 1
            total *= stride
            x = layer(x, stride)
            if self.shortcut is not None and index == len(self.layers) - 1:
                x = x + self.shortcut(shortcut, total)
            x = F.relu(x)
        return x

    def _fit(self, x: Tensor) -> Tensor:
        return x if x.shape[2:] == (self.size, self.size) else F.adaptive_avg_pool2d(x, self.size)


def _check(size: int, num_layers: int, residual: bool, pool: str | None) -> None:
    if pool not in POOLS:
        raise ValueError(f'pool={pool!r} of a projection is unknown: choose one of {list(POOLS)}.')
    if size < 1 or num_layers < 0:
        raise ValueError(
            f'A projection has size={size} and num_layers={num_layers}: give a size of 1 or more, and no negative '
            'number of layers.'
        )
    if num_layers == 0 and (residual or pool is None):
        raise ValueError(
            'A projection without layers has nothing to go around and nothing that brings a map to its size: set '
            "residual=False and pool='adaptive'."
        )
