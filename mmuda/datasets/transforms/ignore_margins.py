"""Margins of an unlabelled image in which no label counts, such as a car's bonnet (HRDA, ECCV 2022, as released)."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import PixelData

from mmuda import compat
from mmuda.domain import VALID_MAP
from mmuda.registry import TRANSFORMS

from ..errors import DataError

compat.apply()

from mmcv.transforms import BaseTransform, Compose

INSIDE, OUTSIDE = 0, 255


@TRANSFORMS.register_module()
class IgnoreMargins(BaseTransform):
    """Mark the margins of a target image before it is cropped, as a last step: what is marked moves with the image.

    Until the image is packed the marks travel in the place of a label map, which every transform moves; then they are
    a field of the sample, and the teacher's labels do not count there.

    Args:
        transforms: the steps that follow, such as crop and flip; the last one packs, as `mmseg.PackSegInputs`.
        top, bottom, left, right: widths in pixels of the image as it is here. HRDA and MIC on Cityscapes, 2048 × 1024:
            30, 240, 30, 30.
    """

    def __init__(self, transforms: list[dict], top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> None:
        self.margins = dict(top=top, bottom=bottom, left=left, right=right)
        if min(self.margins.values()) < 0 or not any(self.margins.values()):
            raise DataError(f'IgnoreMargins has {_said(self.margins)}: give 0 or more, and one above 0.')
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict:
        """Map `img` [H, W, ...] and its meta data to the packed sample, which has `valid_map`, bool [1, H, W]."""
        if np.any(results.get('gt_seg_map', OUTSIDE) != OUTSIDE):
            raise DataError(
                f"IgnoreMargins is for images without labels, but '{results.get('img_path')}' has some: put it into "
                "the target's pipeline alone."
            )
        fields = dict.fromkeys([*results.get('seg_fields', ()), 'gt_seg_map'])
        packed = self.transforms(results | dict(gt_seg_map=self._marks(results['img'].shape[:2]), seg_fields=[*fields]))
        sample = packed.get('data_samples') if isinstance(packed, dict) else None
        if sample is None or 'gt_sem_seg' not in sample:
            raise DataError(
                "The steps of IgnoreMargins yield no packed map: end them with dict(type='mmseg.PackSegInputs')."
            )
        sample.set_field(PixelData(data=sample.gt_sem_seg.data == INSIDE), VALID_MAP)
        sample.gt_sem_seg.data = torch.full_like(sample.gt_sem_seg.data, OUTSIDE)
        return packed

    def _marks(self, size: tuple[int, int]) -> np.ndarray:
        """Return uint8 [H, W]."""
        (height, width), margins = size, self.margins
        marks = np.full(size, OUTSIDE, np.uint8)
        marks[margins['top'] : height - margins['bottom'], margins['left'] : width - margins['right']] = INSIDE
        if not (marks == INSIDE).any():
            raise DataError(
                f'IgnoreMargins has {_said(margins)}, which leaves nothing of an image of {height}×{width}: give less.'
            )
        return marks

    def __repr__(self) -> str:
        return f'{type(self).__name__}({_said(self.margins)}, transforms={self.transforms})'


def _said(margins: dict[str, int]) -> str:
    return ', '.join(f'{name}={width}' for name, width in margins.items())
