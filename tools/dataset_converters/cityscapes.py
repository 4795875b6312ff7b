"""Cityscapes: label ids (or polygons, where only they are there) to the 19 train ids.

    python tools/dataset_converters/cityscapes.py data/cityscapes

Reads gtFine/{train,val}/<city>/*_gtFine_labelIds.png or *_gtFine_polygons.json and writes
*_gtFine_labelTrainIds.png beside them.
"""

import glob
import json
import os

import numpy as np
from cityscapes_labels import BY_NAME, IGNORE, TRAIN_ID
from converting import ConversionError, check_size, convert_all, map_values, open_image, parse_args
from PIL import Image, ImageDraw

from mmuda.apis import run_tool

IDS, POLYGONS, RESULT = '_gtFine_labelIds.png', '_gtFine_polygons.json', '_gtFine_labelTrainIds.png'


def convert(path: str) -> np.ndarray:
    """Train ids, uint8 [H, W], of one label image or polygon file."""
    labels = _from_polygons(path) if path.endswith(POLYGONS) else _from_ids(path)
    image = path.replace(IDS, '_leftImg8bit.png').replace(POLYGONS, '_leftImg8bit.png')
    parts = image.split(os.sep)
    parts[-4] = 'leftImg8bit'
    check_size(labels, path, os.sep.join(parts))
    return labels


def _from_ids(path: str) -> np.ndarray:
    pixels = np.asarray(open_image(path))
    if pixels.ndim != 2:
        raise ConversionError(f"'{path}' has {pixels.shape[2]} channels: label ids have one")
    return map_values(pixels, {**TRAIN_ID, IGNORE: IGNORE}, path)


def _from_polygons(path: str) -> np.ndarray:
    """Later polygons cover earlier ones; a license plate stays what lies under it."""
    try:
        with open(path, encoding='utf-8') as file:
            scene = json.load(file)
        canvas = Image.new('L', (scene['imgWidth'], scene['imgHeight']), IGNORE)
        objects = [(item['label'], item['polygon']) for item in scene['objects'] if not item.get('deleted')]
    except (KeyError, TypeError, ValueError) as error:
        raise ConversionError(f"'{path}' is no polygon file of Cityscapes ({error!r})") from error
    brush = ImageDraw.Draw(canvas)
    for name, polygon in objects:
        label = BY_NAME.get(name) or BY_NAME.get(name.removesuffix('group'))
        if label is None:
            raise ConversionError(f"'{path}' has the unknown label '{name}'")
        if label.id >= 0:
            brush.polygon([tuple(point) for point in polygon], fill=label.train_id)
    return np.asarray(canvas)


def find_labels(root: str) -> list[tuple[str, str]]:
    """(input, output) of every frame; the label image is preferred to the polygons."""
    sources = {}
    for suffix in (POLYGONS, IDS):
        for split in ('train', 'val'):
            for path in glob.glob(os.path.join(root, 'gtFine', split, '*', f'*{suffix}')):
                sources[path.removesuffix(suffix)] = path
    return [(path, stem + RESULT) for stem, path in sorted(sources.items())]


def main() -> None:
    """Convert all labels below the data set's folder."""
    args = parse_args(__doc__, 'data/cityscapes')
    root = os.path.abspath(args.root)
    wanted = os.path.join(root, 'gtFine', '{train,val}', '*', f'*{IDS}')
    convert_all(find_labels(root), convert, wanted, args.nproc, args.overwrite)


if __name__ == '__main__':
    run_tool(main)
