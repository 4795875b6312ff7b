"""The small changes of weak and strong views that Dassl has and OpenMMLab's transforms do not have exactly so."""

from __future__ import annotations

import random

import numpy as np

from mmuda import compat
from mmuda.registry import TRANSFORMS

compat.apply()

import mmcv
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class RandomTranslation(BaseTransform):
    """Shift an image by enlarging it and cutting out a part of its old size (Dassl's Random2DTranslation).

    Args:
        scale: how much larger the image is that the part is cut from.
        prob: probability that an image is shifted.
    """

    def __init__(self, scale: float = 1.125, prob: float = 0.5) -> None:
        if scale < 1 or not 0 <= prob <= 1:
            raise ValueError(
                f'RandomTranslation has scale={scale} and prob={prob}: the scale is 1 or more, and a probability '
                'lies in [0, 1].'
            )
        self.scale = scale
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Change `img` [H, W, ...], not its shape."""
        if random.random() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        large = round(width * self.scale), round(height * self.scale)
        left, top = (round(random.uniform(0, big - old)) for big, old in zip(large, (width, height)))
        image = mmcv.imresize(results['img'], large)
        results['img'] = np.ascontiguousarray(image[top : top + height, left : left + width])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(scale={self.scale}, prob={self.prob})'


@TRANSFORMS.register_module()
class Cutout(BaseTransform):
    """Black out one square around a random pixel; at the border a part of it remains (DeVries & Taylor, 2017).

    mmpretrain's Cutout moves a square at the upper or left border inside.

    Args:
        length: side of the square.
    """

    def __init__(self, length: int = 16) -> None:
        if length < 1:
            raise ValueError(f'Cutout has length={length}: the square has a side of 1 pixel or more.')
        self.length = length

    def transform(self, results: dict) -> dict:
        """Change `img` [H, W, ...]; pixels in [0, 255], so that black is what normalisation makes of 0."""
        image = results['img'].copy()
        rows, columns = (self._span(size) for size in image.shape[:2])
        image[rows, columns] = 0
        results['img'] = image
        return results

    def _span(self, size: int) -> slice:
        start = random.randrange(size) - self.length // 2
        return slice(max(start, 0), min(start + 2 * (self.length // 2), size))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(length={self.length})'
