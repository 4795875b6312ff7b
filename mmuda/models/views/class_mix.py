"""Mixed images: half of the classes of a source image pasted onto a target image (DACS, Tranheden et al., WACV 2021).

    x = m · x_s + (1 − m) · x_t        the same of labels; the weight of a source pixel is 1

Where the released codes differ from each other is an option: DACS draws from the classes of each source image, DAFormer
from those of the whole batch, so an image may get none of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.functional import draw_half, look_up, present_classes
from mmuda.registry import MODELS

from .base import IGNORE_INDEX
from .paste import PasteMaker

CLASSES_FROM = ('image', 'batch')
ROUNDINGS = ('ceil', 'floor')


@MODELS.register_module()
class ClassMix(PasteMaker):
    """A target-like view: each target image with half of the classes of a source image over it.

    The b-th target image gets pixels of the b-th source image; the smaller domain goes from its beginning again.

    Args:
        classes_from: ``image``: half of the classes that the source image shows (DACS). ``batch``: half of those of
            the whole batch (DAFormer).
        rounding: ``ceil`` or ``floor`` of half an odd number; released codes paste the larger half.
        ignored_is_class: Whether ignored pixels are one more class, as in the released codes.
        of: The target view.

    Example:
        >>> source = View(torch.ones(1, 3, 8, 8), label=torch.zeros(1, 8, 8, dtype=torch.long), domain='source')
        >>> target = View(torch.zeros(1, 3, 8, 8), label=torch.ones(1, 8, 8, dtype=torch.long))
        >>> mixed = ClassMix()(dict(source=source, target=target), norm=None)
        >>> mixed.inputs.unique(), mixed.label.unique()  # the source's only class covers all
        (tensor([1.]), tensor([0]))
    """

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

    def mask(self, label: Tensor) -> Tensor:
        """Return the pixels to paste, bool, of source labels ``[B, H, W]``."""
        present = present_classes(label, None if self.ignored_is_class else IGNORE_INDEX)
        if self.classes_from == 'batch':
            present = present.any(0, keepdim=True).expand_as(present)
        draw = torch.rand(present.shape, device=label.device)
        return look_up(draw_half(present, draw, self.rounding), label)
