"""Painted street scenes by day and at dusk; `tools/dataset_converters/toy_streets.py` writes them.

Layout: `{day,dusk}/{images,labels}/{train,val}`, label maps with ids 0-7 and 255.
"""

from mmuda.registry import DATASETS

from .folder_segmentation import FolderSegmentation


@DATASETS.register_module()
class ToyStreets(FolderSegmentation):
    """Two domains of one small world: enough to see adaptation work within minutes."""

    METAINFO = dict(
        classes=('road', 'pavement', 'building', 'sky', 'tree', 'car', 'pedestrian', 'pole'),
        palette=[
            [128, 64, 128],
            [244, 35, 232],
            [70, 70, 70],
            [70, 130, 180],
            [107, 142, 35],
            [0, 0, 142],
            [220, 20, 60],
            [153, 153, 153],
        ],
    )
