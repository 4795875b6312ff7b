"""Cityscapes: label ids (or polygons, where only they are there) to the 19 train ids.

    python tools/dataset_converters/cityscapes.py --src data/cityscapes
    python tools/dataset_converters/cityscapes.py --src leftImg8bit_*.zip gtFine_*.zip --out data/cityscapes

Reads leftImg8bit/{train,val}/<city>/*_leftImg8bit.png and gtFine/{train,val}/<city>/*_gtFine_labelIds.png or
*_gtFine_polygons.json, and writes gtFine/{train,val}/<city>/*_gtFine_labelTrainIds.png.
"""

from functools import partial

from converting import run
from label_maps import from_ids, from_polygons
from rules import Conversion, Rule, as_published

from mmuda.datasets.cityscapes_labels import TRAIN_ID, train_id

IMAGE = 'leftImg8bit/{split:train|val}/{city}/{stem}_leftImg8bit.png'
LABEL = 'gtFine/{split:train|val}/{city}/{stem}_gtFine_'
RESULT = 'gtFine/{split}/{city}/{stem}_gtFine_labelTrainIds.png'
CONVERSION = Conversion(
    rules=(
        as_published(IMAGE),
        Rule(f'{LABEL}labelIds.png', RESULT, partial(from_ids, table={**TRAIN_ID, 255: 255}), image=IMAGE),
        Rule(f'{LABEL}polygons.json', RESULT, partial(from_polygons, train_id=train_id), image=IMAGE),
    ),
    published={
        'leftImg8bit/train/*/*_leftImg8bit.png': 2975,
        'leftImg8bit/val/*/*_leftImg8bit.png': 500,
        'gtFine/train/*/*_gtFine_labelTrainIds.png': 2975,
        'gtFine/val/*/*_gtFine_labelTrainIds.png': 500,
    },
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
