"""The small changes of weak and strong views: Dassl's, which OpenMMLab does not have exactly so, and one of scale."""

from __future__ import annotations

import math
import random

import cv2
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
class RandomScaleShift(BaseTransform):
    """Scale an image about its centre and shift it, inside its old size; what comes into view is black.

    :class:`RandomTranslation` only enlarges: between domains whose objects differ in size it helps one direction and
    harms the other.

    Args:
        scale: smallest and largest factor; their logarithms are uniform, so that halving is as likely as doubling.
        shift: largest shift in each direction, as a share of the image's side.
    """

    def __init__(self, scale: tuple[float, float] = (0.7, 1.4), shift: float = 0.1) -> None:
        if not 0 < scale[0] <= scale[1] or not 0 <= shift < 1:
            raise ValueError(
                f'RandomScaleShift has scale={scale} and shift={shift}: give the smaller and the larger of two '
                'positive factors, and a share in [0, 1).'
            )
        self.scale = tuple(scale)
        self.shift = shift

    def transform(self, results: dict) -> dict:
        """Change `img` [H, W, ...], not its shape."""
        image = results['img']
        height, width = image.shape[:2]
        factor = math.exp(random.uniform(*(math.log(bound) for bound in self.scale)))
        across, down = (random.uniform(-self.shift, self.shift) * side for side in (width, height))
        # a pixel p of the image lands at factor * (p - centre) + centre + shift
        move = [(1 - factor) * (width - 1) / 2 + across, (1 - factor) * (height - 1) / 2 + down]
        matrix = np.array([[factor, 0, move[0]], [0, factor, move[1]]])
        results['img'] = cv2.warpAffine(image, matrix, (width, height)).reshape(image.shape)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(scale={self.scale}, shift={self.shift})'


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
