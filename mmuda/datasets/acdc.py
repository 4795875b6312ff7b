"""ACDC (Sakaridis et al., ICCV 2021) and Dark Zurich (Sakaridis et al., ICCV 2019): targets in Cityscapes' classes.

Layout of ACDC, as published: `rgb_anon/{fog,night,rain,snow}/{train,val,test}/<drive>/*_rgb_anon.png` and
`gt/<condition>/{train,val}/<drive>/*_gt_labelTrainIds.png`. Dark Zurich has the split first:
`rgb_anon/{train,val}/{night,twilight,day}/<drive>/` and `gt/val/night/<drive>/`.
"""

from mmuda.registry import DATASETS

from .cityscapes import CityscapesDataset
from .folder_segmentation import FolderSegmentation


@DATASETS.register_module()
class ACDC(FolderSegmentation):
    """Streets in fog, at night, in rain and in snow: 19 classes."""

    METAINFO = CityscapesDataset.METAINFO

    def __init__(
        self, img_suffix: str = '_rgb_anon.png', seg_map_suffix: str = '_gt_labelTrainIds.png', **kwargs
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)


@DATASETS.register_module()
class DarkZurich(ACDC):
    """Streets by day, at twilight and at night: 19 classes, labels of the night alone."""
