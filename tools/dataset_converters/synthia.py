"""SYNTHIA-RAND-CITYSCAPES: 16-bit labels to Cityscapes' 19 train ids.

    python tools/dataset_converters/synthia.py data/synthia

Reads GT/LABELS/*.png (the class is the red channel, the instance the green one) and writes
GT/LABELS/*_labelTrainIds.png.
"""

import glob
import os

import cv2
import numpy as np
from converting import IGNORE, ConversionError, check_size, convert_all, map_values, open_image, parse_args

from mmuda.apis import run_tool

SUFFIX = '_labelTrainIds.png'
TRAIN_ID = {
    0: IGNORE,  # void
    1: 10,  # sky
    2: 2,  # building
    3: 0,  # road
    4: 1,  # sidewalk
    5: 4,  # fence
    6: 8,  # vegetation
    7: 5,  # pole
    8: 13,  # car
    9: 7,  # traffic sign
    10: 11,  # pedestrian
    11: 18,  # bicycle
    12: 17,  # motorcycle
    13: IGNORE,  # parking slot
    14: IGNORE,  # road work
    15: 6,  # traffic light
    16: 9,  # terrain
    17: 12,  # rider
    18: 14,  # truck
    19: 15,  # bus
    20: 16,  # train
    21: 3,  # wall
    22: IGNORE,  # lane marking
}


def convert(path: str) -> np.ndarray:
    """Train ids, uint8 [H, W], of one label file."""
    open_image(path)  # OpenCV says nothing about a truncated file
    pixels = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise ConversionError(f"'{path}' has no three channels: take the files of GT/LABELS, not those of GT/COLOR")
    labels = map_values(pixels[..., 2], TRAIN_ID, path)  # OpenCV's order is blue, green, red
    root = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    check_size(labels, path, os.path.join(root, 'RGB', os.path.basename(path)))
    return labels


def main() -> None:
    """Convert all labels below the data set's folder."""
    args = parse_args(__doc__, 'data/synthia')
    pattern = os.path.join(args.root, 'GT', 'LABELS', '*.png')
    sources = sorted(path for path in glob.glob(pattern) if not path.endswith(SUFFIX))
    convert_all([(path, path[:-4] + SUFFIX) for path in sources], convert, pattern, args.nproc, args.overwrite)


if __name__ == '__main__':
    run_tool(main)
