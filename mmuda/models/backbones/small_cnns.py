"""Small networks for digits, each a table of layers: those of CDAN's and of MCD's experiments.

Sources of the tables: the released code of CDAN (Long et al., NeurIPS 2018; LeNet for MNIST ↔ USPS, DTN for SVHN →
MNIST) and of MCD (Saito et al., CVPR 2018), whose classifier, two or three linear layers, belongs to the head.
"""

from __future__ import annotations

from typing import NamedTuple

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda import compat
from mmuda.registry import MODELS

compat.apply()

from mmcv.cnn import build_norm_layer


class Conv(NamedTuple):
    """Convolution → norm → dropout of channels → pooling → ReLU; ``pool`` is (kernel, stride, padding)."""

    channels: int
    kernel: int = 5
    stride: int = 1
    padding: int = 0
    pool: tuple[int, int, int] | None = None
    dropout: float = 0.0


class SmallCNN(BaseModule):
    """Convolutions, flattened, and one linear layer (or none): ``[B, C, S, S]`` → one level ``[B, feature_channels]``.

    Args:
        in_channels: 1 for grey images, 3 for colours.
        norm_cfg: Norm of the convolutions (None: none).
        fc_norm_cfg: Norm of the linear layer (None: none).
        dropout: Whether the table's dropouts are there.
        init_cfg: The first weights (None: torch's own).
    """

    size: int
    """Side of the square input."""
    convs: tuple[Conv, ...]
    fc: tuple[int, float] | None = None
    """Channels of the linear layer and the dropout behind it."""

    def __init__(
        self,
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        fc_norm_cfg: dict | None = None,
        dropout: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        channels, size, stages = in_channels, self.size, []
        for conv in self.convs:
            stages.append(_stage(channels, conv if dropout else conv._replace(dropout=0.0), norm_cfg))
            channels, size = conv.channels, _size_after(conv, size)
        self.stages = nn.Sequential(*stages)
        self.feature_channels = channels * size * size
        self.linear = nn.Identity()
        if self.fc is not None:
            out_channels, rate = self.fc
            self.linear = _linear(self.feature_channels, out_channels, rate if dropout else 0.0, fc_norm_cfg)
            self.feature_channels = out_channels

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Map images ``[B, in_channels, size, size]`` → ``([B, feature_channels],)``.

        Raises:
            ValueError: Images of another size or with other channels.
        """
        expected = (self.in_channels, self.size, self.size)
        if tuple(x.shape[1:]) != expected:
            raise ValueError(
                f'{type(self).__name__} takes images of {expected} (channels, height, width), but got '
                f'{tuple(x.shape[1:])}: resize them in the pipeline, or set in_channels.'
            )
        return (self.linear(self.stages(x).flatten(1)),)


@MODELS.register_module()
class LeNet(SmallCNN):
    """CDAN's network for MNIST ↔ USPS: 28×28 → 500 features; released without norms."""

    size = 28
    convs = (Conv(20, pool=(2, 2, 0)), Conv(50, pool=(2, 2, 0), dropout=0.5))
    fc = (500, 0.5)


@MODELS.register_module()
class DTN(SmallCNN):
    """CDAN's and TransNorm's network for SVHN → MNIST: 32×32 → 512 features; batch norm in every layer."""

    size = 32
    convs = tuple(Conv(c, stride=2, padding=2, dropout=p) for c, p in ((64, 0.1), (128, 0.3), (256, 0.5)))
    fc = (512, 0.5)


@MODELS.register_module()
class MCDUSPSNet(SmallCNN):
    """MCD's generator for MNIST ↔ USPS: 28×28 → 768 features; batch norm in both layers."""

    size = 28
    convs = (Conv(32, pool=(2, 2, 0)), Conv(48, pool=(2, 2, 0)))


@MODELS.register_module()
class MCDSVHNNet(SmallCNN):
    """MCD's generator for SVHN → MNIST: 32×32 → 3072 features; batch norm in every layer."""

    size = 32
    convs = (Conv(64, padding=2, pool=(3, 2, 1)), Conv(64, padding=2, pool=(3, 2, 1)), Conv(128, padding=2))
    fc = (3072, 0.5)


def _stage(in_channels: int, conv: Conv, norm_cfg: dict | None) -> nn.Sequential:
    stage = nn.Sequential()
    stage.add_module('conv', nn.Conv2d(in_channels, conv.channels, conv.kernel, conv.stride, conv.padding))
    if norm_cfg is not None:
        stage.add_module('norm', build_norm_layer(norm_cfg, conv.channels)[1])
    if conv.dropout:
        stage.add_module('dropout', nn.Dropout2d(conv.dropout))
    if conv.pool is not None:
        stage.add_module('pool', nn.MaxPool2d(*conv.pool))
    stage.add_module('relu', nn.ReLU(inplace=True))
    return stage


def _linear(in_channels: int, channels: int, dropout: float, norm_cfg: dict | None) -> nn.Sequential:
    linear = nn.Sequential()
    linear.add_module('fc', nn.Linear(in_channels, channels))
    if norm_cfg is not None:
        linear.add_module('norm', build_norm_layer(norm_cfg, channels)[1])
    linear.add_module('relu', nn.ReLU(inplace=True))
    if dropout:
        linear.add_module('dropout', nn.Dropout(dropout))
    return linear


def _size_after(conv: Conv, size: int) -> int:
    size = (size + 2 * conv.padding - conv.kernel) // conv.stride + 1
    if conv.pool is None:
        return size
    kernel, stride, padding = conv.pool
    return (size + 2 * padding - kernel) // stride + 1
