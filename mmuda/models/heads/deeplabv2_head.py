"""The head of DeepLabV2: a sum of dilated classifiers.

Chen et al., DeepLab (TPAMI 2017), https://arxiv.org/abs/1606.00915: parallel 3×3 convolutions with large
dilations map the last feature map straight to class scores, which are added. mmseg starts at DeepLabV3.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from mmuda import compat

compat.apply()

from mmseg.models.decode_heads.decode_head import BaseDecodeHead

from mmuda.registry import MODELS


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Σ_d conv3×3_d(x), one convolution to class scores a dilation d; 1,400,908 parameters on ResNets.

    Args:
        in_channels: Channels of the feature map.
        dilations: The dilations d.
        **kwargs: For mmseg's `BaseDecodeHead` (`num_classes`, `in_index`, `align_corners`, …).
    """

    def __init__(self, in_channels: int, dilations: tuple[int, ...] = (6, 12, 18, 24), **kwargs) -> None:
        init_cfg = dict(type='Normal', std=0.01, override=dict(name='classifiers'))
        super().__init__(
            **{'dropout_ratio': 0.0, 'init_cfg': init_cfg, **kwargs}, in_channels=in_channels, channels=in_channels
        )
        del self.conv_seg  # the classifiers take its place
        self.classifiers = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=d, dilation=d) for d in dilations
        )

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Map levels [B, C_i, H_i, W_i] -> logits [B, K, H, W] at the size of the chosen one."""
        x = self._transform_inputs(inputs)
        if self.dropout is not None:
            x = self.dropout(x)
        return reduce(torch.add, (classifier(x) for classifier in self.classifiers))
