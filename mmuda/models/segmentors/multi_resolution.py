"""A segmentor that sees an image at two resolutions (HRDA, Hoyer et al., ECCV 2022, Sec. 3).

The *context* is the whole image, scaled down; the *detail* is a crop of it at full resolution. In training one box is
drawn for the batch, anew in each pass; in evaluation overlapping windows cover the image, all in one batch.

Whoever knows one resolution alone, such as an auxiliary head of mmseg, finds the context's features in place of an
image's.

Where it differs from the released code: the box is a part of the features, not a class attribute that a later step may
read; and the detail is encoded before the context, so that whoever taps the encoder gets the context's features last.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from mmuda import compat

compat.apply()

from mmseg.models.segmentors import EncoderDecoder

from mmuda.domain import group_drawers
from mmuda.functional import Box, check_box, random_box, shrink, sliding_windows
from mmuda.registry import MODELS


class ScaledFeatures(tuple):
    """What the encoder makes of a batch of B images of H × W pixels: the context's levels, each ``[B, C_i, h_i, w_i]``.

    Args:
        context: These levels.
        detail: Levels of the boxes, each ``[len(boxes) · B, C_i, …]``, the first box of all images first.
        boxes: Where the details lie in the image.
        size: H and W.
        covers: Whether the boxes cover the image.
    """

    def __new__(
        cls,
        context: Iterable[Tensor],
        detail: Iterable[Tensor],
        boxes: Iterable[Box],
        size: tuple[int, int],
        covers: bool,
    ) -> ScaledFeatures:
        self = super().__new__(cls, context)
        self.detail, self.boxes = tuple(detail), tuple(boxes)
        self.size, self.covers = size, covers
        return self


@MODELS.register_module()
class MultiResolutionSegmentor(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` for a head that fuses two resolutions, such as :class:`mmuda.HRDAHead`.

    Args:
        context_scale: The context's scale; 0.5 in the paper.
        detail_crop: Height and width of the detail in pixels of the image; (512, 512) in the paper.
        detail_stride: Steps between two windows in evaluation; (256, 256) in the paper.
        divisible: What the box's offsets are multiples of: the largest stride of the head's outputs over
            ``context_scale``, 8 for MiT, 16 for DeepLabV2 of stride 8.
        kwargs: As for ``EncoderDecoder``.
    """

    def __init__(
        self,
        *args,
        context_scale: float = 0.5,
        detail_crop: tuple[int, int] = (512, 512),
        detail_stride: tuple[int, int] = (256, 256),
        divisible: int = 8,
        **kwargs,
    ) -> None:
        if not 0 < context_scale <= 1:
            raise ValueError(f'context_scale={context_scale} does not scale down: give a number from 0 to 1.')
        _check_windows(tuple(detail_crop), tuple(detail_stride), divisible)
        super().__init__(*args, **kwargs)
        _check_parts(self)
        self.context_scale = context_scale
        self.detail_crop, self.detail_stride = tuple(detail_crop), tuple(detail_stride)
        self.divisible = divisible

    def extract_feat(self, inputs: Tensor) -> ScaledFeatures:
        """Map ``[B, 3, H, W]`` → features of both resolutions."""
        size = tuple(map(int, inputs.shape[-2:]))  # plain numbers in a trace, too
        boxes = self._training_box(size) if self.training else self._windows(size)
        detail = super().extract_feat(torch.cat([box.crop(inputs) for box in boxes]))
        context = super().extract_feat(shrink(inputs, self.context_scale))
        return ScaledFeatures(context, detail, boxes, size, covers=not self.training)

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse training images of H × W pixels in which the detail does not fit.

        Raises:
            ValueError: See :func:`mmuda.functional.check_box`.
        """
        check_box(size, self.detail_crop, self.divisible)

    def _training_box(self, size: tuple[int, int]) -> tuple[Box, ...]:
        """Draw one box; the draw is the CPU's, so that nobody waits for the device."""
        return (random_box(torch.rand(2).tolist(), size, self.detail_crop, self.divisible),)

    def _windows(self, size: tuple[int, int]) -> tuple[Box, ...]:
        """Return windows that cover the image; in an image smaller than the crop they are smaller, too."""
        crop = tuple(min(side, length) for side, length in zip(self.detail_crop, size))
        check_box(size, crop, self.divisible)
        return tuple(sliding_windows(size, crop, self.detail_stride))


def _check_windows(crop: tuple[int, int], stride: tuple[int, int], divisible: int) -> None:
    if any(not 0 < step <= side for step, side in zip(stride, crop)):
        raise ValueError(
            f'detail_stride={stride} leaves gaps between windows of detail_crop={crop}: give steps from 1 to the sides '
            'of the crop.'
        )
    for name, sides in (('detail_crop', crop), ('detail_stride', stride)):
        if any(side % divisible for side in sides):
            raise ValueError(
                f'{name}={sides} has a number that is no multiple of divisible={divisible}, so edges would fall '
                'between the pixels of a map: choose multiples.'
            )


def _check_parts(net: EncoderDecoder) -> None:
    if not hasattr(net.decode_head, 'predictions'):
        raise TypeError(
            f'MultiResolutionSegmentor has a {type(net.decode_head).__name__}, which reads one resolution: give '
            "decode_head=dict(type='mmuda.HRDAHead', head=..., attention=...)."
        )
    if drawers := group_drawers(net):
        raise TypeError(
            f'{type(drawers[0]).__name__} groups the tokens of whole images, and MultiResolutionSegmentor encodes '
            "contexts and details: use backbone=dict(type='mmuda.MixVisionTransformer')."
        )
