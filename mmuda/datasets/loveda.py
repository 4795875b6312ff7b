"""LoveDA (Wang et al., NeurIPS 2021 Datasets and Benchmarks): land cover from the air, rural and urban.

Layout, as published: `{Train,Val}/{Rural,Urban}/{images_png,masks_png}/*.png`; id 0 is "no data", 1-7 are the classes.
"""

from mmuda import compat
from mmuda.registry import DATASETS

from .folder_segmentation import FolderSegmentation

compat.apply()

from mmseg.datasets import LoveDADataset as StockLoveDA


@DATASETS.register_module()
class LoveDA(FolderSegmentation):
    """mmseg's class list and palette on the checked folder set: seven classes of land cover."""

    METAINFO = StockLoveDA.METAINFO

    def __init__(self, img_suffix: str = '.png', reduce_zero_label: bool = True, **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, reduce_zero_label=reduce_zero_label, **kwargs)
