"""CamVid: coloured labels of 32 classes to the 11 that are usually evaluated, day and dusk apart.

    python tools/dataset_converters/camvid.py --src 701_*.zip LabeledApproved_*.zip --out data/camvid_day_dusk

Reads 701_StillsRaw_full/*.png and LabeledApproved_full/*_L.png (wherever they lie), and writes
{day,dusk}/{images,labels}/{train,val,test}/*.png. The parts are those of SegNet's lists, with the drive at dusk apart:
0006R0 and 0016E5 by day (train; frames 07959 to 08159 of the latter are val), Seq05VD by day (test), and 0001TP at dusk
(train up to frame 008520, then test).
"""

from functools import partial

from converting import run
from label_maps import from_colours
from rules import Conversion, Rule, copied

from mmuda.datasets.camvid import CLASS_OF_COLOUR

VAL = r'0016E5_(?:0795\d|079[6-9]\d|080\d\d|081[0-5]\d)'
DUSK_TRAIN = r'0001TP_(?:00[67]\d\d\d|008[0-4]\d\d|0085[01]\d|008520)'
PARTS = {
    'day/{}/val': VAL,
    'day/{}/train': rf'(?!{VAL})(?:0006R0|0016E5)_\w+',
    'day/{}/test': r'Seq05VD_\w+',
    'dusk/{}/train': DUSK_TRAIN,
    'dusk/{}/test': rf'(?!{DUSK_TRAIN})0001TP_\w+',
}


def rules_of(folder: str, frames: str) -> tuple[Rule, Rule]:
    """Make the rules for the images and the labels of the frames that an expression matches."""
    image = f'{{stem:{frames}(?<!_L)}}.png'
    labels = partial(from_colours, table=CLASS_OF_COLOUR)
    return (
        Rule(image, folder.format('images') + '/{stem}.png', copied),
        Rule(f'{{stem:{frames}}}_L.png', folder.format('labels') + '/{stem}.png', labels, image=image),
    )


CONVERSION = Conversion(
    rules=tuple(rule for folder, frames in PARTS.items() for rule in rules_of(folder, frames)),
    published={'*/images/*/*.png': 701, '*/labels/*/*.png': 701},
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
