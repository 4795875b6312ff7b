"""What DIDA-Net's tables compare its module with: modules of the same place, sizes and arguments.

The paper describes its controls in a sentence each and has released none. As readings were chosen:

* :class:`StaticModule`, "static CNN" (Tables IV and V): "we replace the kernel generator in the DIDA module with
  vanilla convolutions". Its footnote counts 24.9 K parameters, which is one depth-wise kernel for both dilations.
* :class:`AttentionModule`, SENet, CBAM and self-attention (Table X): the DIDA module is exchanged for one whose reduced
  channels pass attention where dynamic convolutions were. The other reading, attention on the features of a stage as in
  its own papers, is the ``after`` of :class:`mmuda.ExtendedBackbone`.
* :class:`ResidualAdapter` (Table XI): the parallel adapter of Rebuffi et al. (CVPR 2018), a 1×1 convolution. That paper
  has one beside each 3×3 convolution: the ``beside`` of :class:`mmuda.ExtendedBackbone`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.registry import MODELS, build_own

from .dida import MultiBranchModule, init_conv, kernel_sizes


@MODELS.register_module()
class StaticModule(MultiBranchModule):
    """The DIDA module with learned depth-wise kernels in the place of generated ones.

    Args:
        in_channels, out_channels, reduction, kernel_size, dilations, stride, bias, init: See
            :class:`mmuda.models.layers.DIDAModule`; depth-wise kernels have no bias, as generated ones have none.
        share_kernels: One kernel for all dilations (True) or one for each.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        reduction: int = 16,
        kernel_size: int | tuple[int, ...] = 3,
        dilations: tuple[int, ...] = (1, 2),
        stride: int = 1,
        bias: bool = True,
        share_kernels: bool = True,
        init: str = 'kaiming',
    ) -> None:
        super().__init__(in_channels, out_channels, reduction, len(dilations), bias, init)
        sizes = kernel_sizes(kernel_size, len(dilations))
        if share_kernels and len(set(sizes)) > 1:
            raise ValueError(
                f'StaticModule has kernels of sizes {list(sizes)}, which cannot be one kernel: set share_kernels=False.'
            )
        reduced = in_channels // reduction
        kernels = [nn.Conv2d(reduced, reduced, size, groups=reduced, bias=False) for size in sizes]
        self.kernels = nn.ModuleList(kernels[:1] if share_kernels else kernels)
        self.dilations, self.stride = tuple(dilations), stride
        self.init_weights()

    def maps(self, x: Tensor, reduced: Tensor) -> Tensor:
        """Return the reduced channels, convolved depth-wise with each dilation."""
        feature = reduced.relu()
        kernels = list(self.kernels) * (len(self.dilations) if len(self.kernels) == 1 else 1)
        maps = [self._convolve(feature, kernel.weight, dilation) for kernel, dilation in zip(kernels, self.dilations)]
        return torch.stack(maps, 1)

    def _convolve(self, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        padding = dilation * (weight.shape[-1] - 1) // 2
        return F.conv2d(x, weight, None, self.stride, padding, dilation, groups=len(weight))


@MODELS.register_module()
class AttentionModule(MultiBranchModule):
    """Reduce the channels, let them pass attention, widen them again; a stride s keeps every s-th position.

    Args:
        in_channels, out_channels, reduction, stride, bias, init: See :class:`mmuda.models.layers.DIDAModule`.
        attention: A layer for ``in_channels / reduction`` channels, which it gets as ``in_channels``:
            ``dict(type='SqueezeExcitation')``, ``dict(type='CBAM')`` or mmcv's ``dict(type='mmengine.NonLocal2d')``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        attention: dict,
        reduction: int = 16,
        stride: int = 1,
        bias: bool = True,
        init: str = 'kaiming',
    ) -> None:
        super().__init__(in_channels, out_channels, reduction, 1, bias, init)
        self.attention = build_own(MODELS, dict(attention, in_channels=in_channels // reduction))
        self.stride = stride
        self.init_weights()

    def init_weights(self) -> None:
        """Initialise as the other modules, but attention with an initialisation of its own keeps that."""
        super().init_weights()
        if hasattr(self.attention, 'init_weights'):
            self.attention.init_weights()

    def maps(self, x: Tensor, reduced: Tensor) -> Tensor:
        """Return one map."""
        return self.attention(reduced.relu())[..., :: self.stride, :: self.stride].unsqueeze(1)


@MODELS.register_module()
class ResidualAdapter(nn.Conv2d):
    """A parallel adapter: a 1×1 convolution without bias, ``[B, C, H, W]`` → ``[B, P, ⌈H / stride⌉, ⌈W / stride⌉]``."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, init: str = 'kaiming') -> None:
        super().__init__(in_channels, out_channels, 1, stride, bias=False)
        self.init = init
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the weights."""
        init_conv(self, self.init)


@MODELS.register_module()
class SqueezeExcitation(nn.Module):
    """SENet (Hu et al., CVPR 2018): each channel is scaled by a function of all channels' means.

    Args:
        in_channels: C.
        reduction: How many times fewer channels the hidden layer has (at least one).
    """

    def __init__(self, in_channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.gate = _bottleneck(in_channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → the same shape."""
        return x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()


@MODELS.register_module()
class CBAM(nn.Module):
    """Convolutional block attention module (Woo et al., ECCV 2018): scale the channels, then the positions.

    Args:
        in_channels: C.
        reduction: Of the channels' hidden layer (which keeps at least one).
        kernel_size: Of the convolution that makes the positions' scale, odd.
    """

    def __init__(self, in_channels: int, reduction: int = 16, kernel_size: int = 7) -> None:
        super().__init__()
        self.channel = _bottleneck(in_channels, reduction)
        self.spatial = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → the same shape."""
        mean, largest = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * (self.channel(mean) + self.channel(largest)).sigmoid()
        position = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)
        return x * self.spatial(position).sigmoid()


def _bottleneck(channels: int, reduction: int) -> nn.Sequential:
    hidden = max(channels // reduction, 1)
    return nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
