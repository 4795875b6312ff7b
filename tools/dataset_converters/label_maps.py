"""From the bytes of a published label file to a label map of class ids, uint8 `[H, W]`; 255 is ignored.

A value that the table does not have is an error: the file and the value are named.
"""

import io
import json
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from mmuda.datasets.class_map import IGNORE, UNKNOWN
from mmuda.datasets.errors import DataError
from mmuda.datasets.label_colours import Colour, classes_of_colours
from mmuda.datasets.reading import decode_ids, decode_image


def open_image(content: bytes) -> Image.Image:
    """Decode an image fully, for converters that look at its palette."""
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise DataError(f'it is no complete image ({error}): download it again') from error
    return image


def from_ids(content: bytes, table: Mapping[int, int]) -> np.ndarray:
    """Return class ids of a map of ids, as every label map is read; a palette image counts by its indices."""
    return look_up(decode_ids(content), table)


def from_red_channel(content: bytes, table: Mapping[int, int]) -> np.ndarray:
    """Return class ids of an image whose red channel, of 8 or 16 bits, is the class."""
    pixels = decode_image(content, 'unchanged')
    if pixels.ndim != 3:
        raise DataError('it has no three channels: the class is the red one')
    return look_up(pixels[..., 2], table)  # the order is blue, green, red


def from_colours(
    content: bytes, table: Mapping[Colour, int], whole: bool = True, other: int | None = None, remedy: str = ''
) -> np.ndarray:
    """Return class ids of an image of colours.

    Args:
        content: an image, palette or RGB.
        table: colour to class id.
        whole: False where a channel is either 0 or 255 and files have values between: from 128 it counts as 255.
        other: class id of colours that are not in the table; None: they are an error.
        remedy: what the error says to do about them.
    """
    pixels = decode_image(content)[..., ::-1]
    if not whole:
        pixels = np.where(pixels < 128, np.uint8(0), np.uint8(255))
    labels = classes_of_colours(pixels, table)
    if other is not None:
        labels = np.where(labels == UNKNOWN, np.uint8(other), labels)
    if (labels == UNKNOWN).any():
        raise DataError(f'it has the unknown colour {tuple(pixels[labels == UNKNOWN][0].tolist())}{remedy}')
    return labels


def from_polygons(content: bytes, train_id: Callable[[str], int | None]) -> np.ndarray:
    """Return class ids of a scene of polygons, as Cityscapes' tools write it: later polygons cover earlier ones.

    Args:
        content: JSON of `imgWidth`, `imgHeight` and `objects` of `label` and `polygon`.
        train_id: class id of a label's name; None: it is not drawn, what lies under it stays.
    """
    try:
        scene = json.loads(content)
        canvas = Image.new('L', (scene['imgWidth'], scene['imgHeight']), IGNORE)
        objects = [(item['label'], item['polygon']) for item in scene['objects'] if not item.get('deleted')]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'it is no file of polygons ({error!r})') from error
    brush = ImageDraw.Draw(canvas)
    for name, polygon in objects:
        try:
            number = train_id(name)
        except KeyError as error:
            raise DataError(f"it has the unknown label '{name}'") from error
        if number is not None and len(polygon) > 1:
            brush.polygon([tuple(point) for point in polygon], fill=number)
    return np.asarray(canvas)


def look_up(ids: np.ndarray, table: Mapping[int, int]) -> np.ndarray:
    """Replace ids by class ids."""
    beyond = max(table) + 1  # stands for all ids that are larger, or negative
    lookup = np.full(beyond + 1, UNKNOWN, np.uint8)
    lookup[list(table)] = list(table.values())
    labels = lookup[np.where((ids < 0) | (ids > beyond), np.intp(beyond), ids)]
    if (labels == UNKNOWN).any():
        shown = ', '.join(map(str, np.unique(ids[labels == UNKNOWN])[:5]))
        raise DataError(f'it has the unknown id {shown}')
    return labels
