"""Cityscapes (Cordts et al., CVPR 2016): the target of the two standard benchmarks, 19 train ids.

Layout: `leftImg8bit/{train,val}/<city>/*_leftImg8bit.png`, and for scoring
`gtFine/{train,val}/<city>/*_gtFine_labelTrainIds.png`, which
`tools/dataset_converters/cityscapes.py` writes.
"""

from mmuda import compat
from mmuda.registry import DATASETS

from .folder_segmentation import FolderSegmentation

compat.apply()

from mmseg.datasets import CityscapesDataset as StockCityscapes


@DATASETS.register_module()
class CityscapesDataset(FolderSegmentation):
    """mmseg's class list and palette on the checked folder set; 255 is ignored."""

    METAINFO = StockCityscapes.METAINFO

    def __init__(
        self, img_suffix: str = '_leftImg8bit.png', seg_map_suffix: str = '_gtFine_labelTrainIds.png', **kwargs
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
