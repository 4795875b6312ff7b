"""BDD100K (Yu et al., CVPR 2020), its 10,000 images for segmentation: a target in Cityscapes' classes.

Layout, as published: `images/10k/{train,val,test}/*.jpg` and `labels/sem_seg/masks/{train,val}/*.png` of train ids.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .folder_segmentation import FolderSegmentation


@DATASETS.register_module()
class BDD100K(FolderSegmentation):
    """Streets of the United States in all weathers and at all hours: 19 classes."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, img_suffix: str = '.jpg', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, **kwargs)
