"""SYNTHIA-RAND-CITYSCAPES: 16-bit labels to Cityscapes' 19 train ids.

    python tools/dataset_converters/synthia.py --src data/synthia

Reads RGB/*.png and GT/LABELS/*.png (the class is the red channel, the instance the green one) and writes
GT/LABELS/*_labelTrainIds.png. The published archive is a .rar: unpack it first.
"""

from functools import partial

from converting import run
from label_maps import from_red_channel
from rules import Conversion, Rule, as_published

from mmuda.datasets.synthia import TRAIN_ID

IMAGE = r'RGB/{stem:\d+}.png'
CONVERSION = Conversion(
    rules=(
        as_published(IMAGE),
        Rule(
            r'GT/LABELS/{stem:\d+}.png',
            'GT/LABELS/{stem}_labelTrainIds.png',
            partial(from_red_channel, table=TRAIN_ID),
            image=IMAGE,
        ),
    ),
    published={'RGB/*.png': 9400, 'GT/LABELS/*_labelTrainIds.png': 9400},
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
