"""Mapillary Vistas (Neuhold et al., ICCV 2017) in Cityscapes' classes, straight from its published labels.

Layout: `{training,validation}/images/*.jpg` and `{training,validation}/v1.2/labels/*.png`, palette images whose indices
are the 66 labels of version 1.2, as release 2.0 has them beside its own. Release 1.2 has `labels/` without `v1.2/`.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .cityscapes_labels import NAMES
from .folder_segmentation import FolderSegmentation

NUM_LABELS = 66
CLASS_OF_LABEL = {
    13: 'road',
    24: 'road',  # lane marking
    41: 'road',  # manhole
    2: 'sidewalk',  # curb
    15: 'sidewalk',
    17: 'building',
    6: 'wall',
    3: 'fence',
    45: 'pole',
    47: 'pole',  # utility pole
    48: 'traffic light',
    50: 'traffic sign',  # its front
    30: 'vegetation',
    29: 'terrain',
    27: 'sky',
    19: 'person',
    20: 'rider',  # bicyclist
    21: 'rider',  # motorcyclist
    22: 'rider',
    55: 'car',
    61: 'truck',
    54: 'bus',
    58: 'train',  # on rails
    57: 'motorcycle',
    52: 'bicycle',
}
"""The assignment of papers that generalise from Cityscapes to Mapillary; the other labels are ignored."""
CLASS_MAP = dict(
    classes=list(NAMES),
    palette=CityscapesDataset.METAINFO['palette'],
    map={str(label): CLASS_OF_LABEL.get(label, 'ignore') for label in range(NUM_LABELS)},
)


@DATASETS.register_module()
class MapillaryVistas(FolderSegmentation):
    """Streets of six continents: 19 of 66 labels; a `class_map` of one's own replaces the assignment."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, img_suffix: str = '.jpg', class_map: str | dict = CLASS_MAP, **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, class_map=class_map, **kwargs)
