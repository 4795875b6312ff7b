"""The bottleneck of adversarial classification networks: one low-dimensional layer, whose features are aligned.

As in CDAN's, MDD's and TransNorm's released codes: Linear → norm → ReLU (→ dropout), weights N(0, 0.005). CDAN has
neither norm nor ReLU, TransNorm a TransNorm1d, MDD batch norm and dropout.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda import compat
from mmuda.registry import MODELS

compat.apply()

from mmcv.cnn import build_norm_layer


@MODELS.register_module()
class Bottleneck(BaseModule):
    """Last feature map, averaged over its positions if it has any → ``[B, out_channels]``.

    Args:
        in_channels: Channels of the backbone's last output.
        out_channels: Channels of the bottleneck.
        norm_cfg: Norm for vectors, such as ``dict(type='BN1d')`` or ``dict(type='mmuda.TransNorm1d')`` (None: none).
        activation: Whether a ReLU follows.
        dropout: Probability of dropout at the end.
        init_cfg: The first weights.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        norm_cfg: dict | None = None,
        activation: bool = True,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Normal', layer='Linear', std=0.005))
        self.in_channels = in_channels
        self.linear = nn.Linear(in_channels, out_channels)
        self.norm = nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]
        self.activation = nn.ReLU() if activation else nn.Identity()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> tuple[Tensor]:
        """Map ``[B, C]`` or ``[B, C, H, W]``, or levels of them (the last counts) → one level ``[B, out_channels]``.

        Raises:
            ValueError: Another number of channels than ``in_channels``.
        """
        x = inputs if isinstance(inputs, Tensor) else inputs[-1]
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f'Bottleneck has in_channels={self.in_channels}, but the backbone gives {x.shape[1]} channels: set '
                'in_channels to that.'
            )
        x = x.flatten(2).mean(2) if x.ndim > 2 else x
        return (self.dropout(self.activation(self.norm(self.linear(x)))),)
