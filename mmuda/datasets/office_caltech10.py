"""Office-Caltech-10 (Gong et al., CVPR 2012): the ten classes that Office-31 and Caltech-256 share.

Layout: `{amazon,caltech10,dslr,webcam}/<class>/*.jpg`, one domain each.
"""

from mmuda.registry import DATASETS

from .folder_classification import FolderClassification


@DATASETS.register_module()
class OfficeCaltech10(FolderClassification):
    """Objects as an online shop, a search engine, a camera and a webcam show them."""

    METAINFO = dict(
        classes=(
            'backpack',
            'bike',
            'calculator',
            'headphones',
            'keyboard',
            'laptop',
            'monitor',
            'mouse',
            'mug',
            'projector',
        )
    )
