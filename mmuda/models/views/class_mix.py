"""Mixed images: half of the classes of a source image pasted onto a target image (DACS, Tranheden et al., WACV 2021).

    x = m · x_s + (1 − m) · x_t        the same of labels; the weight of a source pixel is 1

Where the released codes differ from each other is an option: DACS draws from the classes of each source image, DAFormer
from those of the whole batch, so an image may get none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mmuda.functional import draw_half, look_up, mix, present_classes
from mmuda.registry import MODELS

from .base import IGNORE_INDEX, Normalization, View, ViewMaker

CLASSES_FROM = ('image', 'batch')
ROUNDINGS = ('ceil', 'floor')


@MODELS.register_module()
class ClassMix(ViewMaker):
    """A target-like view: each target image with half of the classes of a source image over it.

    The b-th target image gets pixels of the b-th source image; the smaller domain goes from its beginning again.

    Args:
        classes_from: ``image``: half of the classes that the source image shows (DACS). ``batch``: half of those of
            the whole batch (DAFormer).
        rounding: ``ceil`` or ``floor`` of half an odd number; released codes paste the larger half.
        ignored_is_class: Whether ignored pixels are one more class, as in the released codes.
        of: The target view.
    """

    needs_labels = ('source', 'target')

    def __init__(
        self,
        classes_from: str = 'image',
        rounding: str = 'ceil',
        ignored_is_class: bool = True,
        of: str = 'target',
    ) -> None:
        super().__init__(of)
        if classes_from not in CLASSES_FROM:
            raise ValueError(f'ClassMix has classes_from={classes_from!r}: use one of {", ".join(CLASSES_FROM)}.')
        if rounding not in ROUNDINGS:
            raise ValueError(f'ClassMix has rounding={rounding!r}: use one of {", ".join(ROUNDINGS)}.')
        self.classes_from = classes_from
        self.rounding = rounding
        self.ignored_is_class = ignored_is_class

    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Images, labels and weights, mixed by one mask.

        Raises:
            ValueError: Images have one label each.
        """
        source, target = views['source'], views[self.of[0]]
        if source.label.dim() != 3:
            raise ValueError(
                'ClassMix mixes images by their label maps, but an image has one label here: leave it out, or use '
                "task='segmentation'."
            )
        rows = [row % len(source) for row in range(len(target))]
        label, inputs = (torch.stack([x[row] for row in rows]) for x in (source.label, source.inputs))
        mask = self.mask(label)
        weight = torch.ones_like(mask, dtype=torch.float) if target.weight is None else _map(target.weight, mask)
        return replace(
            target,
            inputs=mix(mask, inputs, target.inputs),
            label=mix(mask, label, target.label),
            weight=mix(mask, torch.ones_like(weight), weight),
        )

    def mask(self, label: Tensor) -> Tensor:
        """Source labels ``[B, H, W]`` → the pixels to paste, bool."""
        present = present_classes(label, None if self.ignored_is_class else IGNORE_INDEX)
        if self.classes_from == 'batch':
            present = present.any(0, keepdim=True).expand_as(present)
        draw = torch.rand(present.shape, device=label.device)
        return look_up(draw_half(present, draw, self.rounding), label)


def _map(weight: Tensor, like: Tensor) -> Tensor:
    """``[B]`` or ``[B, H, W]`` → ``[B, H, W]``."""
    return weight.view(len(like), *weight.shape[1:] or (1, 1)).expand_as(like)
