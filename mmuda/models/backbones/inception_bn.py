"""Inception-BN, or BN-Inception: GoogLeNet with batch norm (Ioffe and Szegedy, ICML 2015), the table of its appendix.

Two 3×3 convolutions stand where GoogLeNet has one of 5×5, and the modules 3c and 4e halve the grid themselves. Every
convolution is followed by a norm and a ReLU.

The numbers of filters are the table's. Its column of output sizes differs from their sums in three modules (576 for
4c and 4d, whose filters are 608; 1024 for 4e, whose filters are 1056): the filters count. The table's first
convolution is said to be separable with depth multiplier 8; here it is a plain one. In both respects, and in how
pools treat borders (maxima round up, averages count the padding), this is the network whose ImageNet weights
were published; :func:`key_mapping.inception_bn_from_caffe` converts these.

Shapes: B images, C channels of a stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda import compat
from mmuda.registry import MODELS

compat.apply()

from mmcv.cnn import ConvModule


class Filters(NamedTuple):
    """A row of the table: filters of each branch; (reduce, convolution) of the 3×3 and of the double 3×3 branch.

    Without a projection the pool passes its input through at half the size, which both other branches then have, too.
    """

    conv1x1: int
    conv3x3: tuple[int, int]
    double3x3: tuple[int, int]
    pool: str
    projection: int


BATCH_NORM = dict(type='BN')
STEM = (64, 64, 192)
STAGES = (
    {
        '3a': Filters(64, (64, 64), (64, 96), 'avg', 32),
        '3b': Filters(64, (64, 96), (64, 96), 'avg', 64),
    },
    {
        '3c': Filters(0, (128, 160), (64, 96), 'max', 0),
        '4a': Filters(224, (64, 96), (96, 128), 'avg', 128),
        '4b': Filters(192, (96, 128), (96, 128), 'avg', 128),
        '4c': Filters(160, (128, 160), (128, 160), 'avg', 128),
        '4d': Filters(96, (128, 192), (160, 192), 'avg', 128),
    },
    {
        '4e': Filters(0, (128, 192), (192, 256), 'max', 0),
        '5a': Filters(352, (192, 320), (160, 224), 'avg', 128),
        '5b': Filters(352, (192, 320), (192, 224), 'max', 128),
    },
)


class HalvingPool(nn.Module):
    """3×3 maxima at every other position, from the first on: of n positions as many as a strided convolution has."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → ``[B, C, ⌈H / 2⌉, ⌈W / 2⌉]``."""
        odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
        return F.max_pool2d(F.pad(x, odd, value=-torch.inf) if any(odd) else x, 3, 2, ceil_mode=True)


class InceptionModule(nn.Module):
    """Four branches over one input, their outputs side by side: 1×1, 3×3, double 3×3, pool.

    Args:
        in_channels: Of the input.
        filters: The module's row of the table.
        norm_cfg: Norm of every convolution (None: none).
    """

    def __init__(self, in_channels: int, filters: Filters, norm_cfg: dict | None) -> None:
        super().__init__()
        single, (reduce, middle), (double_reduce, double), pool, projection = filters
        stride = 1 if projection else 2

        def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> ConvModule:
            return _conv(inputs, outputs, kernel, stride, norm_cfg)

        self.branches = nn.ModuleDict()
        if single:
            self.branches['conv1x1'] = nn.Sequential(conv(in_channels, single, 1))
        self.branches['conv3x3'] = nn.Sequential(conv(in_channels, reduce, 1), conv(reduce, middle, 3, stride))
        self.branches['double3x3'] = nn.Sequential(
            conv(in_channels, double_reduce, 1), conv(double_reduce, double, 3), conv(double, double, 3, stride)
        )
        if projection:
            kind = nn.AvgPool2d if pool == 'avg' else nn.MaxPool2d
            self.branches['pool'] = nn.Sequential(kind(3, 1, 1), conv(in_channels, projection, 1))
        else:
            self.branches['pool'] = nn.Sequential(HalvingPool())
        self.out_channels = single + middle + double + (projection or in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in_channels, H, W]`` → ``[B, out_channels, H, W]``, or half of H and W."""
        return torch.cat([branch(x) for branch in self.branches.values()], 1)


@MODELS.register_module()
class InceptionBN(BaseModule):
    """``[B, 3, H, W]`` → one feature map for each index.

    Stages: 0 the stem (192 channels at H / 4), 1 modules 3a and 3b (320, H / 8), 2 from 3c to 4d (608, H / 16), 3 from
    4e to 5b (1024, H / 32).

    Args:
        in_channels: Of the images.
        out_indices: Which stages' outputs are returned.
        frozen_stages: The last stage that neither learns nor moves its running statistics (-1: none).
        norm_cfg: Norm of every convolution (None: none, and the convolutions have biases).
        init_cfg: The first weights (None: mmcv's Kaiming for convolutions).

    Raises:
        ValueError: No such stage.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        norm_cfg: dict | None = BATCH_NORM,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        _check_stages(out_indices, frozen_stages)
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.stages = nn.ModuleList([_stem(in_channels, norm_cfg)])
        channels = STEM[-1]
        for index, rows in enumerate(STAGES):
            stage = nn.Sequential()
            if index == 0:
                stage.add_module('pool', HalvingPool())
            for name, filters in rows.items():
                module = InceptionModule(channels, filters, norm_cfg)
                stage.add_module(f'inception_{name}', module)
                channels = module.out_channels
            self.stages.append(stage)
        for stage in self._frozen():
            stage.requires_grad_(False)

    def _frozen(self) -> nn.ModuleList:
        return self.stages[: self.frozen_stages + 1]

    def train(self, mode: bool = True) -> InceptionBN:
        """Set the mode as any module does, but frozen stages stay in evaluation."""
        super().train(mode)
        for stage in self._frozen():
            stage.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``[B, in_channels, H, W]`` → ``[B, C, ...]`` for each of ``out_indices``."""
        outs = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in self.out_indices:
                outs.append(x)
        return tuple(outs)


def _stem(in_channels: int, norm_cfg: dict | None) -> nn.Sequential:
    """Build two convolutions (with one of 1×1 before the second), a pool between them."""
    first, reduced, last = STEM
    stem = nn.Sequential()
    stem.add_module('conv1', _conv(in_channels, first, 7, 2, norm_cfg))
    stem.add_module('pool', HalvingPool())
    stem.add_module('reduce', _conv(first, reduced, 1, 1, norm_cfg))
    stem.add_module('conv2', _conv(reduced, last, 3, 1, norm_cfg))
    return stem


def _conv(inputs: int, outputs: int, kernel: int, stride: int, norm_cfg: dict | None) -> ConvModule:
    return ConvModule(inputs, outputs, kernel, stride, kernel // 2, norm_cfg=norm_cfg)


def _check_stages(out_indices: Sequence[int], frozen_stages: int) -> None:
    last = len(STAGES)
    if not out_indices or not all(0 <= index <= last for index in out_indices):
        raise ValueError(f'out_indices={tuple(out_indices)} of InceptionBN: give stages from 0 to {last}.')
    if not -1 <= frozen_stages <= last:
        raise ValueError(f'frozen_stages={frozen_stages} of InceptionBN: give a stage up to {last}, or -1 for none.')
