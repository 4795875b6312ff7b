"""GTA5: coloured labels to Cityscapes' 19 train ids.

    python tools/dataset_converters/gta.py data/gta

Reads labels/*.png (palette images, as published, or RGB) and writes labels/*_labelTrainIds.png.
"""

import functools
import glob
import os

import numpy as np
from cityscapes_labels import LABELS, TRAIN_ID
from converting import UNKNOWN, ConversionError, check_size, convert_all, open_image, parse_args
from PIL import Image

from mmuda.apis import run_tool

SUFFIX = '_labelTrainIds.png'
# A palette index is the label's id; the 35th colour is a license plate's.
PALETTE = {label.id if label.id >= 0 else len(LABELS) - 1: label for label in LABELS}


def convert(path: str) -> np.ndarray:
    """Train ids, uint8 [H, W], of one label file."""
    image = open_image(path)
    if image.mode == 'P':
        labels = _from_palette(image, path)
    elif image.mode in ('RGB', 'RGBA'):
        labels = _from_colours(np.asarray(image)[..., :3], path)
    else:
        raise ConversionError(f"'{path}' is a {image.mode} image: the labels are palette or RGB images")
    folder, name = os.path.split(path)
    check_size(labels, path, os.path.join(os.path.dirname(folder), 'images', name))
    return labels


def _from_palette(image: Image.Image, path: str) -> np.ndarray:
    """By index where the palette is the published one, else by colour."""
    indices = np.asarray(image)
    palette = np.array(image.getpalette('RGB'), np.uint8).reshape(-1, 3)
    lookup = np.full(256, UNKNOWN, np.uint8)
    for index in np.unique(indices):
        colour = tuple(palette[index].tolist()) if index < len(palette) else None
        if index in PALETTE and PALETTE[index].colour == colour:
            lookup[index] = TRAIN_ID.get(PALETTE[index].id, 255)
        elif colour in _by_colour():
            lookup[index] = _by_colour()[colour]
        else:
            raise ConversionError(f"'{path}' has the unknown colour {colour} (palette index {index})")
    return lookup[indices]


def _from_colours(pixels: np.ndarray, path: str) -> np.ndarray:
    codes = (pixels.astype(np.int32) << np.array([16, 8, 0])).sum(-1)
    labels = _colour_table()[codes]
    if (labels == UNKNOWN).any():
        unknown = tuple(pixels[labels == UNKNOWN][0].tolist())
        raise ConversionError(f"'{path}' has the unknown colour {unknown}")
    return labels


@functools.cache
def _by_colour() -> dict:
    """Colour to train id; two labels of one colour (car, pole) count as the one that is evaluated."""
    return {label.colour: label.train_id for label in sorted(LABELS, key=lambda label: -label.train_id)}


@functools.cache
def _colour_table() -> np.ndarray:
    """uint8 [2^24]: red, green and blue in one number to train id."""
    table = np.full(1 << 24, UNKNOWN, np.uint8)
    for (red, green, blue), train_id in _by_colour().items():
        table[red << 16 | green << 8 | blue] = train_id
    return table


def main() -> None:
    """Convert all labels below the data set's folder."""
    args = parse_args(__doc__, 'data/gta')
    pattern = os.path.join(args.root, 'labels', '*.png')
    sources = sorted(path for path in glob.glob(pattern) if not path.endswith(SUFFIX))
    convert_all([(path, path[:-4] + SUFFIX) for path in sources], convert, pattern, args.nproc, args.overwrite)


if __name__ == '__main__':
    run_tool(main)
