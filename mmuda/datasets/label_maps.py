"""Read label maps as the classes that a network learns."""

import cv2
import numpy as np

from .class_map import UNKNOWN, unknown_remedy
from .errors import DataError
from .reading import read_ids


def read_label(path: str, table: np.ndarray, num_classes: int, backend_args: dict | None = None) -> np.ndarray:
    """Return a label map, uint8 [H, W], in class ids and 255.

    Args:
        path: a map of ids, see `mmuda.datasets.reading`.
        table: uint8 [65536], see `class_map`.
        num_classes: only for the text of the error about unknown ids.
    """
    raw = read_ids(path, backend_args)
    label = cv2.LUT(raw, table[:256]) if raw.dtype == np.uint8 else _look_up(raw, table)
    if (label == UNKNOWN).any():
        ids = np.unique(raw[label == UNKNOWN])
        shown = ', '.join(map(str, ids[:5])) + (', ...' if len(ids) > 5 else '')
        raise DataError(
            f"The label file '{path}' has the value(s) {shown} outside the class map "
            f'of {num_classes} classes: correct the file, or {unknown_remedy(ids)}.'
        )
    return label


def _look_up(raw: np.ndarray, table: np.ndarray) -> np.ndarray:
    within = (raw >= 0) & (raw < len(table))
    return np.where(within, table[np.where(within, raw, 0)], np.uint8(UNKNOWN))
