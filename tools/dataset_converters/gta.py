"""GTA5: coloured labels to Cityscapes' 19 train ids.

    python tools/dataset_converters/gta.py --src data/gta
    python tools/dataset_converters/gta.py --src *_images.zip *_labels.zip --out data/gta

Reads images/*.png and labels/*.png (palette images, as published, or RGB), and writes labels/*_labelTrainIds.png.
"""

import numpy as np
from converting import run
from label_maps import from_colours, open_image
from PIL import Image
from rules import Conversion, Rule, as_published

from mmuda.datasets.cityscapes_labels import LABELS, TRAIN_ID, TRAIN_ID_OF_COLOUR
from mmuda.datasets.class_map import UNKNOWN
from mmuda.datasets.errors import DataError

# A palette index is the label's id; the 35th colour is a license plate's.
PALETTE = {label.id if label.id >= 0 else len(LABELS) - 1: label for label in LABELS}


def train_ids(content: bytes) -> np.ndarray:
    """Return the train ids, uint8 [H, W], of one label file."""
    image = open_image(content)
    if image.mode == 'P':
        return _from_palette(image)
    if image.mode in ('RGB', 'RGBA'):
        return from_colours(content, TRAIN_ID_OF_COLOUR)
    raise DataError(f'it is a {image.mode} image: the labels are palette or RGB images')


def _from_palette(image: Image.Image) -> np.ndarray:
    """Look train ids up by index where the palette is the published one, else by colour."""
    indices = np.asarray(image)
    palette = np.array(image.getpalette('RGB'), np.uint8).reshape(-1, 3)
    lookup = np.full(256, UNKNOWN, np.uint8)
    for index in np.unique(indices):
        colour = tuple(palette[index].tolist()) if index < len(palette) else None
        if index in PALETTE and PALETTE[index].colour == colour:
            lookup[index] = TRAIN_ID.get(PALETTE[index].id, 255)
        elif colour in TRAIN_ID_OF_COLOUR:
            lookup[index] = TRAIN_ID_OF_COLOUR[colour]
        else:
            raise DataError(f'it has the unknown colour {colour} (palette index {index})')
    return lookup[indices]


IMAGE = r'images/{stem:\d+}.png'
CONVERSION = Conversion(
    rules=(
        as_published(IMAGE),
        Rule(r'labels/{stem:\d+}.png', 'labels/{stem}_labelTrainIds.png', train_ids, image=IMAGE),
    ),
    published={'images/*.png': 24966, 'labels/*_labelTrainIds.png': 24966},
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
