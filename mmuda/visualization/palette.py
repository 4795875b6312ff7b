"""Colours of classes: label maps to pictures, alone or painted over the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmuda.palette import Color, default_palette

VOID: Color = (0, 0, 0)


def palette_of(meta: Mapping | None, num_classes: int) -> list[Color]:
    """Return the colours in a data set's meta information (lists, an array or a tensor), else made-up ones."""
    given = (meta or {}).get('palette')
    if given is None or len(given) == 0:
        return default_palette(num_classes)
    return [tuple(int(channel) for channel in color) for color in given]


def colorize(label: np.ndarray, palette: Sequence[Color], void: Color = VOID) -> np.ndarray:
    """Paint a label map.

    Args:
        label: [H, W] class ids; what is no index of the palette (255, say) counts as void.
        palette: RGB of each class.
        void: RGB of all other ids.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    table = np.array([*palette, void], np.uint8)
    inside = (label >= 0) & (label < len(palette))
    return table[np.where(inside, label, len(palette)).astype(np.intp)]


def overlay(image: np.ndarray, label: np.ndarray, palette: Sequence[Color], opacity: float = 0.5) -> np.ndarray:
    """Paint classes over an image; void pixels stay as they are.

    Args:
        image: uint8 [H, W, 3], RGB.
        label: [H, W] class ids.
        palette: RGB of each class.
        opacity: 0 is the image, 1 the label map.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    if image.shape[:2] != label.shape:
        raise ValueError(
            f'The image has {image.shape[:2]} pixels and the label map {label.shape}: resize one to the other.'
        )
    mixed = (1 - opacity) * image + opacity * colorize(label, palette)
    inside = (label >= 0) & (label < len(palette))
    return np.where(inside[..., None], np.round(mixed), image).astype(np.uint8)
