"""Read images and label maps from disk and refuse files that are cut short.

OpenCV returns None for a broken PNG and silently fills the rest of a truncated JPEG with grey, so
the end-of-image marker is looked at first (a slice comparison); only where it is not in its place
does Pillow decode the file to decide.
"""

import io

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image

from .class_map import UNKNOWN
from .errors import DataError

_ENDS = {b'\xff\xd8\xff': b'\xff\xd9', b'\x89PN': b'IEND\xaeB`\x82'}


def read_bytes(path: str, backend_args: dict | None = None) -> bytes:
    """The whole content of an image file that is complete."""
    try:
        content = fileio.get(path, backend_args=backend_args)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    end = _ENDS.get(content[:3])
    if end is None or not content.endswith(end):
        _decode(content, path)
    return content


def read_label(path: str, table: np.ndarray, num_classes: int, backend_args: dict | None = None) -> np.ndarray:
    """A label map, uint8 [H, W], in class ids and 255.

    Args:
        path: a single-channel image; a palette image counts by its indices.
        table: uint8 [65536], see `class_map`.
        num_classes: only for the text of the error about unknown ids.
    """
    raw = _decode(read_bytes(path, backend_args), path)
    if raw.ndim != 2:
        raise DataError(
            f"The label file '{path}' has {raw.shape[2]} channels: label maps have one "
            'channel of ids; convert colours with a tool of tools/dataset_converters.'
        )
    label = cv2.LUT(raw, table[:256]) if raw.dtype == np.uint8 else _look_up(raw, table)
    if (label == UNKNOWN).any():
        ids = np.unique(raw[label == UNKNOWN])
        shown = ', '.join(map(str, ids[:5])) + (', ...' if len(ids) > 5 else '')
        raise DataError(
            f"The label file '{path}' has the value(s) {shown} outside the class map "
            f'of {num_classes} classes: correct the file, or name them in `class_map`.'
        )
    return label


def _look_up(raw: np.ndarray, table: np.ndarray) -> np.ndarray:
    within = (raw >= 0) & (raw < len(table))
    return np.where(within, table[np.where(within, raw, 0)], np.uint8(UNKNOWN))


def _decode(content: bytes, path: str) -> np.ndarray:
    """Pixels as stored, by Pillow, which refuses a truncated file."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image)
    except Exception as error:
        raise DataError(
            f"'{path}' is no complete image ({len(content)} bytes; {error}): copy or convert it again."
        ) from error
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels
