"""GTA5, "Playing for Data" (Richter et al., ECCV 2016): a synthetic source in Cityscapes' classes.

Layout: `images/*.png`, `labels/*_labelTrainIds.png`, which `tools/dataset_converters/gta.py` writes
from the coloured labels.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .folder_segmentation import FolderSegmentation


@DATASETS.register_module()
class GTADataset(FolderSegmentation):
    """24,966 frames of a video game, all 19 classes."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, img_suffix: str = '.png', seg_map_suffix: str = '_labelTrainIds.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
