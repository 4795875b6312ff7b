"""FixMatch's strong augmentation (Sohn et al., NeurIPS 2020, App. D): two random operations of random strength.

As in Dassl's RandAugmentFixMatch, which DIDA-Net uses: operations drawn with replacement, each strength uniform in its
range. They are Pillow's own, nearest-neighbour where pixels move, black where nothing is left.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from mmuda import compat
from mmuda.registry import TRANSFORMS

from ..errors import DataError

compat.apply()

from mmcv.transforms import BaseTransform


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    """Move pixels: that at (x, y) is the input's at (a·x + b·y + c, d·x + e·y + f)."""
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


OPERATIONS: dict[str, tuple[float, float, Callable[[Image.Image, float], Image.Image]]] = dict(
    auto_contrast=(0, 1, lambda image, _: ImageOps.autocontrast(image)),
    brightness=(0.05, 0.95, lambda image, m: ImageEnhance.Brightness(image).enhance(m)),
    color=(0.05, 0.95, lambda image, m: ImageEnhance.Color(image).enhance(m)),
    contrast=(0.05, 0.95, lambda image, m: ImageEnhance.Contrast(image).enhance(m)),
    equalize=(0, 1, lambda image, _: ImageOps.equalize(image)),
    identity=(0, 1, lambda image, _: image),
    posterize=(4, 8, lambda image, m: ImageOps.posterize(image, int(m))),
    rotate=(-30, 30, lambda image, m: image.rotate(m)),
    sharpness=(0.05, 0.95, lambda image, m: ImageEnhance.Sharpness(image).enhance(m)),
    shear_x=(-0.3, 0.3, lambda image, m: _affine(image, 1, m, 0, 0, 1, 0)),
    shear_y=(-0.3, 0.3, lambda image, m: _affine(image, 1, 0, 0, m, 1, 0)),
    solarize=(0, 256, lambda image, m: ImageOps.solarize(image, m)),
    translate_x=(-0.3, 0.3, lambda image, m: _affine(image, 1, 0, m * image.width, 0, 1, 0)),
    translate_y=(-0.3, 0.3, lambda image, m: _affine(image, 1, 0, 0, 0, 1, m * image.height)),
)
"""Weakest and strongest magnitude of each operation, and what it does."""


@TRANSFORMS.register_module()
class RandAugmentFixMatch(BaseTransform):
    """Change `img`, uint8 [H, W] or [H, W, 3] in BGR.

    Args:
        num_ops: how many operations an image gets.
    """

    def __init__(self, num_ops: int = 2) -> None:
        if num_ops < 1:
            raise ValueError(f'RandAugmentFixMatch has num_ops={num_ops}: an image gets 1 operation or more.')
        self.num_ops = num_ops

    def transform(self, results: dict) -> dict:
        """Apply the drawn operations in their order."""
        image = to_pil(results['img'], results.get('img_path'))
        for low, high, operation in random.choices(tuple(OPERATIONS.values()), k=self.num_ops):
            image = operation(image, low + (high - low) * random.random())
        results['img'] = from_pil(image)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_ops={self.num_ops})'


def to_pil(image: np.ndarray, name: str | None) -> Image.Image:
    """Map uint8 [H, W], or [H, W, 3] in BGR → a grey or RGB picture."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise DataError(
            f"'{name}' is {image.dtype} of shape {image.shape} here, but RandAugmentFixMatch takes uint8 images, grey "
            'or with three channels: put it before steps that change that.'
        )
    return Image.fromarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def from_pil(image: Image.Image) -> np.ndarray:
    """Map a grey or RGB picture → uint8 [H, W], or [H, W, 3] in BGR."""
    pixels = np.asarray(image)
    return pixels.copy() if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
