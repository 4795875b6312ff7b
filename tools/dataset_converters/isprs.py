"""ISPRS Potsdam and Vaihingen: ortho photographs cut into parts of about 1000×1000 pixels, colours to class ids.

    python tools/dataset_converters/isprs.py --src 3_Ortho_IRRG.zip 5_Labels_all.zip --out data/isprs
    python tools/dataset_converters/isprs.py --src ISPRS_semantic_labeling_Vaihingen*.zip --out data/isprs

Reads top_potsdam_<tile>_{IRRG,RGB}.tif, top_potsdam_<tile>_label.tif, and of Vaihingen top/ and the ground truth, both
top_mosaic_09cm_area<tile>.tif; labels without boundaries (_noBoundary.tif) do as well, where only they are named.
Writes {potsdam,vaihingen}/{irrg,rgb,labels}/{train,test}/<tile>/<row>_<column>.png: `train` are the tiles that were
labelled for the contest's participants. The parts of a tile do not overlap and have one size.
"""

import numpy as np
from converting import run
from label_maps import from_colours
from rules import Conversion, Rule

from mmuda.datasets.isprs import CLASS_OF_COLOUR
from mmuda.datasets.reading import decode_image

PART = 1000
POTSDAM = {'train': r'2_1[0-2]|3_1[0-2]|4_1[0-2]|5_1[0-2]|[67]_(?:7|8|9|10|11|12)',
           'test': r'[23]_1[34]|[456]_1[345]|7_13'}  # fmt: skip
VAIHINGEN = {'train': '1|3|5|7|11|13|15|17|21|23|26|28|30|32|34|37',
             'test': '2|4|6|8|10|12|14|16|20|22|24|27|29|31|33|35|38'}  # fmt: skip
TRUTH = r'gts_for_participants|ISPRS_semantic_labeling_Vaihingen_ground_truth_\w*COMPLETE'
KIND = '{kind:|_noBoundary}'


def image_parts(content: bytes) -> dict[str, np.ndarray]:
    """Cut an image, BGR."""
    return cut(decode_image(content))


def label_parts(content: bytes) -> dict[str, np.ndarray]:
    """Cut a label image, in class ids."""
    return cut(from_colours(content, CLASS_OF_COLOUR, whole=False))


def cut(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Cut into as many parts of equal size as come nearest to `PART` pixels: `<row>_<column>.png` -> part."""
    rows, columns = (np.linspace(0, side, max(round(side / PART), 1) + 1).astype(int) for side in pixels.shape[:2])
    return {
        f'{i}_{j}.png': np.ascontiguousarray(pixels[rows[i] : rows[i + 1], columns[j] : columns[j + 1]])
        for i in range(len(rows) - 1)
        for j in range(len(columns) - 1)
    }


def potsdam(split: str, tiles: str) -> tuple[Rule, ...]:
    """Make the rules for images of two kinds of channels, and labels."""
    tile, where = f'top_potsdam_{{tile:{tiles}}}', split + '/{tile}'
    return (
        Rule(f'{tile}_IRRG.tif', f'potsdam/irrg/{where}', image_parts),
        Rule(f'{tile}_RGB.tif', f'potsdam/rgb/{where}', image_parts),
        Rule(f'{tile}_label{KIND}.tif', f'potsdam/labels/{where}', label_parts),
    )


def vaihingen(split: str, tiles: str) -> tuple[Rule, ...]:
    """Make the rules for images and labels, which have the same names, in different folders or archives."""
    tile, where = f'top_mosaic_09cm_area{{tile:{tiles}}}', split + '/{tile}'
    return (
        Rule(f'top/{tile}.tif', f'vaihingen/irrg/{where}', image_parts),
        Rule(f'{{folder:{TRUTH}}}/{tile}{KIND}.tif', f'vaihingen/labels/{where}', label_parts),
    )


CONVERSION = Conversion(
    rules=(
        *(rule for item in POTSDAM.items() for rule in potsdam(*item)),
        *(rule for item in VAIHINGEN.items() for rule in vaihingen(*item)),
    ),
    published={
        'potsdam/irrg/train/*': 24,
        'potsdam/irrg/test/*': 14,
        'potsdam/labels/*/*': 38,
        'vaihingen/irrg/train/*': 16,
        'vaihingen/irrg/test/*': 17,
        'vaihingen/labels/*/*': 33,
    },
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
