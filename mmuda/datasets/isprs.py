"""ISPRS Potsdam and Vaihingen (2D Semantic Labeling Contest): two towns from the air, six classes.

Layout: `{potsdam,vaihingen}/{irrg,rgb,labels}/{train,test}/<tile>/<row>_<column>.png`, label maps with ids 0-5 and 255,
which `tools/dataset_converters/isprs.py` cuts from the published ortho photographs. Potsdam alone has `rgb`.
"""

from mmuda.registry import DATASETS

from .folder_segmentation import FolderSegmentation

CLASS_OF_COLOUR = {
    (255, 255, 255): 0,
    (0, 0, 255): 1,
    (0, 255, 255): 2,
    (0, 255, 0): 3,
    (255, 255, 0): 4,
    (255, 0, 0): 5,
    (0, 0, 0): 255,  # boundaries, in the files of that name
}


@DATASETS.register_module()
class ISPRS(FolderSegmentation):
    """Parts of ortho photographs: near infrared, red, green (`irrg`) or red, green, blue."""

    METAINFO = dict(
        classes=('impervious surface', 'building', 'low vegetation', 'tree', 'car', 'clutter'),
        palette=[list(colour) for colour in list(CLASS_OF_COLOUR)[:6]],
    )

    def __init__(self, img_suffix: str = '.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, **kwargs)
