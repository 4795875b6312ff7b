"""Pictures that cost a codec what photographs cost, and label maps with curved borders."""

from __future__ import annotations

import cv2
import numpy as np


def photograph(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Paint uint8 [H, W, 3]: patches, shading, and noise that leaves a PNG half of the bytes."""
    patches, shade = patchwork(size, 24, rng), smooth(size, 40, rng)
    colours = rng.uniform(20, 235, (24, 3)).astype(np.float32)
    image = colours[patches] + 18 * shade[..., None] + 1.5 * rng.standard_normal((*size, 1), np.float32)
    return (image + 0.8 * rng.standard_normal((*size, 3), np.float32)).clip(0, 255).astype(np.uint8)


def patchwork(size: tuple[int, int], values: int, rng: np.random.Generator) -> np.ndarray:
    """Paint uint8 [H, W]: connected regions with curved borders, as label maps have."""
    fields = np.stack([smooth(size, 12, rng) for _ in range(values)])
    return fields.argmax(0).astype(np.uint8)


def smooth(size: tuple[int, int], detail: int, rng: np.random.Generator) -> np.ndarray:
    """Draw float32 [H, W] of unit variance, with about `detail` hills in a row."""
    height, width = size
    coarse = rng.standard_normal((max(detail * height // width, 2), detail), np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
