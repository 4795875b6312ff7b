"""SYNTHIA-RAND-CITYSCAPES (Ros et al., CVPR 2016): a synthetic source in Cityscapes' classes.

Layout: `RGB/*.png`, `GT/LABELS/*_labelTrainIds.png`, which `tools/dataset_converters/synthia.py`
writes. Terrain, truck and train never occur, so scores are means over 16 classes, or over 13
without wall, fence and pole: see `SegmentationMetric`.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .folder_segmentation import FolderSegmentation

TRAIN_ID = {
    0: 255,  # void
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
    13: 255,  # parking slot
    14: 255,  # road work
    15: 6,  # traffic light
    16: 9,  # terrain
    17: 12,  # rider
    18: 14,  # truck
    19: 15,  # bus
    20: 16,  # train
    21: 3,  # wall
    22: 255,  # lane marking
}
"""Published class (the red channel of a label image) to train id."""


@DATASETS.register_module()
class SYNTHIADataset(FolderSegmentation):
    """9,400 frames of a simulated city; 16 of the 19 classes occur."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, img_suffix: str = '.png', seg_map_suffix: str = '_labelTrainIds.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
