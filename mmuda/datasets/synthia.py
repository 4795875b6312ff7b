"""SYNTHIA-RAND-CITYSCAPES (Ros et al., CVPR 2016): a synthetic source in Cityscapes' classes.

Layout: `RGB/*.png`, `GT/LABELS/*_labelTrainIds.png`, which `tools/dataset_converters/synthia.py`
writes. Terrain, truck and train never occur, so scores are means over 16 classes, or over 13
without wall, fence and pole: see `SegmentationMetric`.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .folder_segmentation import FolderSegmentation


@DATASETS.register_module()
class SYNTHIADataset(FolderSegmentation):
    """9,400 frames of a simulated city; 16 of the 19 classes occur."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, img_suffix: str = '.png', seg_map_suffix: str = '_labelTrainIds.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
