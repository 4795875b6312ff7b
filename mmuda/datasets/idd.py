"""IDD (Varma et al., WACV 2019), streets of India, in Cityscapes' classes; and its small variant IDD-Lite in its own.

Layout of IDD: `leftImg8bit/{train,val}/<drive>/*_leftImg8bit.{png,jpg}` and
`gtFine/{train,val}/<drive>/*_gtFine_labelTrainIds.png`; `tools/dataset_converters/idd.py` draws these from polygons.
Layout of IDD-Lite (Mishra et al., NCVPRIPG 2019), as published: `leftImg8bit/{train,val}/<drive>/*_image.jpg` and
`gtFine/{train,val}/<drive>/*_label.png`, ids 0-6 and 255.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .cityscapes_labels import NAMES
from .folder_segmentation import FolderSegmentation

_NOT_EVALUATED = (
    'parking', 'drivable fallback', 'rail track', 'animal', 'autorickshaw', 'caravan', 'trailer', 'vehicle fallback',
    'curb', 'guard rail', 'billboard', 'polegroup', 'obs-str-bar-fallback', 'bridge', 'tunnel', 'fallback background',
    'unlabeled', 'ego vehicle', 'rectification border', 'out of roi', 'license plate',
)  # fmt: skip
TRAIN_ID = {name: number for number, name in enumerate(NAMES) if name != 'terrain'}
TRAIN_ID |= {'non-drivable fallback': NAMES.index('terrain'), **dict.fromkeys(_NOT_EVALUATED, 255)}
"""Name of a polygon to the train id that IDD's own tools give it (`csTrainId`)."""


@DATASETS.register_module()
class IDD(FolderSegmentation):
    """19 classes; terrain is IDD's "non-drivable fallback", autorickshaws are ignored."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(
        self,
        img_suffix: tuple[str, ...] = ('_leftImg8bit.png', '_leftImg8bit.jpg'),
        seg_map_suffix: str = '_gtFine_labelTrainIds.png',
        **kwargs,
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)


@DATASETS.register_module()
class IDDLite(FolderSegmentation):
    """Images of 320×227 pixels with seven classes: the highest level of IDD's hierarchy."""

    METAINFO = dict(
        classes=(
            'drivable',
            'non-drivable',
            'living things',
            'vehicles',
            'road-side objects',
            'far objects',
            'sky',
        ),
        palette=[
            [128, 64, 128],
            [244, 35, 232],
            [220, 20, 60],
            [0, 0, 142],
            [220, 220, 0],
            [107, 142, 35],
            [70, 130, 180],
        ],
    )

    def __init__(self, img_suffix: str = '_image.jpg', seg_map_suffix: str = '_label.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
