"""From the colours of a label image to class ids, as one look-up table."""

import functools
from collections.abc import Mapping

import numpy as np

from .class_map import UNKNOWN

Colour = tuple[int, int, int]


def classes_of_colours(pixels: np.ndarray, table: Mapping[Colour, int]) -> np.ndarray:
    """Return the class ids, uint8 `[H, W]`, of RGB pixels, uint8 `[H, W, 3]`; a colour that is not in the table is
    `UNKNOWN`.
    """
    codes = pixels[..., 0].astype(np.int32)
    for channel in (1, 2):
        codes = codes << 8 | pixels[..., channel]
    return _lookup(tuple(sorted(table.items())))[codes]


@functools.lru_cache(maxsize=4)
def _lookup(items: tuple[tuple[Colour, int], ...]) -> np.ndarray:
    """Return uint8 [2^24]: red, green and blue in one number to class id."""
    lookup = np.full(1 << 24, UNKNOWN, np.uint8)
    for (red, green, blue), number in items:
        lookup[red << 16 | green << 8 | blue] = number
    return lookup
