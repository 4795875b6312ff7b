"""CamVid, day to dusk (Brostow et al., Pattern Recognition Letters 2009), 11 classes.

Layout: `{day,dusk}/{images,labels}/{train,val,test}`, label maps with ids 0-10 and 255.
"""

from mmuda.registry import DATASETS

from .folder_segmentation import FolderSegmentation


@DATASETS.register_module()
class CamVidDayDusk(FolderSegmentation):
    """Street scenes filmed from a car; one drive was filmed at dusk."""

    METAINFO = dict(
        classes=(
            'sky',
            'building',
            'pole',
            'road',
            'pavement',
            'tree',
            'sign',
            'fence',
            'car',
            'pedestrian',
            'bicyclist',
        ),
        palette=[
            [128, 128, 128],
            [128, 0, 0],
            [192, 192, 128],
            [128, 64, 128],
            [0, 0, 192],
            [128, 128, 0],
            [192, 128, 128],
            [64, 64, 128],
            [64, 0, 128],
            [64, 64, 0],
            [0, 128, 192],
        ],
    )
