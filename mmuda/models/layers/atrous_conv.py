"""A convolution that has dilated depth-wise filters work on sub-grids where that is faster: a CPU, channels last."""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.functional import atrous_depthwise, in_a_graph
from mmuda.registry import MODELS

from .torch_conv import TorchConv2d


@MODELS.register_module()
class AtrousConv2d(TorchConv2d):
    """``nn.Conv2d`` with the same parameters and outputs, see :mod:`mmuda.functional.atrous`.

    Whatever is not a dilated depth-wise convolution that keeps the size of its input, or is on another device, in
    another layout or in a graph that is traced, exported or compiled, is torch's own convolution.
    """

    @property
    def splits(self) -> bool:
        """Tell whether the options are those of a dilated depth-wise convolution that keeps the size of its input."""
        (height, width), (dilation, other) = self.kernel_size, self.dilation
        return (
            self.in_channels == self.out_channels == self.groups
            and dilation == other > 1
            and height == width
            and height % 2 == 1
            and self.stride == (1, 1)
            and self.padding == (dilation * (height // 2),) * 2
            and self.padding_mode == 'zeros'
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → ``[B, out_channels, H', W']``."""
        if in_a_graph() or not (self.splits and _is_channels_last(x)):
            return super().forward(x)
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled('cpu'):  # casts torch's convolutions, and no function of ours
            dtype = torch.get_autocast_dtype('cpu')
            x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        return atrous_depthwise(x, weight, bias, self.dilation[0])


def _is_channels_last(x: Tensor) -> bool:
    """Tell whether a map is on a CPU and its channels lie next to each other."""
    return x.is_cpu and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
