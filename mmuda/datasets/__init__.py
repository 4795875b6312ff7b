"""Data sets of two domains, their samplers and their pipeline steps.

The segmentation sets need mmseg and are there only where it is installed; the classification sets need mmengine alone.
"""

from importlib.util import find_spec

from .cifar10 import CIFAR10
from .digits import Digits
from .domain_dataset import DomainDataset
from .errors import DataError
from .folder_classification import FolderClassification
from .office_caltech10 import OfficeCaltech10
from .pacs import PACS
from .samplers import ClassAwareSampler, DomainSampler, RareClassSampler, SampleIndex

__all__ = [
    'CIFAR10',
    'PACS',
    'ClassAwareSampler',
    'DataError',
    'Digits',
    'DomainDataset',
    'DomainSampler',
    'FolderClassification',
    'OfficeCaltech10',
    'RareClassSampler',
    'SampleIndex',
]

if find_spec('mmcv'):
    from .transforms import (
        Cutout,
        IgnoreMargins,
        LoadIgnoreLabel,
        LoadImage,
        LoadLabel,
        RandAugmentFixMatch,
        RandomCrop,
        RandomScaleShift,
        RandomTranslation,
        TenCrop,
        TwoViews,
    )

    __all__ += [
        'Cutout',
        'IgnoreMargins',
        'LoadIgnoreLabel',
        'LoadImage',
        'LoadLabel',
        'RandAugmentFixMatch',
        'RandomCrop',
        'RandomScaleShift',
        'RandomTranslation',
        'TenCrop',
        'TwoViews',
    ]

if find_spec('mmseg'):
    from .acdc import ACDC, DarkZurich
    from .bdd100k import BDD100K
    from .camvid import CamVidDayDusk
    from .cityscapes import CityscapesDataset
    from .folder_segmentation import FolderSegmentation
    from .gta import GTADataset
    from .idd import IDD, IDDLite
    from .isprs import ISPRS
    from .loveda import LoveDA
    from .mapillary import MapillaryVistas
    from .synthia import SYNTHIADataset
    from .toy_streets import ToyStreets

    __all__ += [
        'ACDC',
        'BDD100K',
        'IDD',
        'ISPRS',
        'CamVidDayDusk',
        'CityscapesDataset',
        'DarkZurich',
        'FolderSegmentation',
        'GTADataset',
        'IDDLite',
        'LoveDA',
        'MapillaryVistas',
        'SYNTHIADataset',
        'ToyStreets',
    ]
