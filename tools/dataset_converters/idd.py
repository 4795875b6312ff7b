"""IDD (part I or II, or both): polygons to Cityscapes' 19 train ids.

    python tools/dataset_converters/idd.py --src idd-segmentation.tar.gz idd-20k-II.tar.gz --out data/idd

Reads leftImg8bit/{train,val}/<drive>/*_leftImg8bit.{png,jpg} and gtFine/{train,val}/<drive>/*_gtFine_polygons.json, and
writes gtFine/{train,val}/<drive>/*_gtFine_labelTrainIds.png. IDD-Lite needs no conversion: see unpack.py.
"""

from functools import partial

from converting import run
from label_maps import from_polygons
from rules import Conversion, Rule, as_published

from mmuda.datasets.idd import TRAIN_ID

CONVERSION = Conversion(
    rules=(
        as_published('leftImg8bit/{split:train|val}/{drive}/{stem}_leftImg8bit.{suffix:png|jpg}'),
        Rule(
            'gtFine/{split:train|val}/{drive}/{stem}_gtFine_polygons.json',
            'gtFine/{split}/{drive}/{stem}_gtFine_labelTrainIds.png',
            partial(from_polygons, train_id=TRAIN_ID.__getitem__),
        ),
    ),
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
