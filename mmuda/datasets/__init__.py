"""Data sets of two domains, their samplers and their pipeline steps.

The segmentation sets need mmseg and are there only where it is installed.
"""

from importlib.util import find_spec

from .domain_dataset import DomainDataset
from .errors import DataError
from .samplers import DomainSampler, RareClassSampler, SampleIndex

__all__ = ['DataError', 'DomainDataset', 'DomainSampler', 'RareClassSampler', 'SampleIndex']

if find_spec('mmcv'):
    from .transforms import LoadIgnoreLabel, LoadImage, LoadLabel

    __all__ += ['LoadIgnoreLabel', 'LoadImage', 'LoadLabel']

if find_spec('mmseg'):
    from .camvid import CamVidDayDusk
    from .cityscapes import CityscapesDataset
    from .folder_segmentation import FolderSegmentation
    from .gta import GTADataset
    from .synthia import SYNTHIADataset
    from .toy_streets import ToyStreets

    __all__ += [
        'CamVidDayDusk',
        'CityscapesDataset',
        'FolderSegmentation',
        'GTADataset',
        'SYNTHIADataset',
        'ToyStreets',
    ]
