"""Heads; those on mmseg's decode heads are here only where mmseg is installed."""

from importlib.util import find_spec

from .discriminator import DomainDiscriminator, MapDiscriminator
from .two_classifier_head import TwoClassifierHead

__all__ = ['DomainDiscriminator', 'MapDiscriminator', 'TwoClassifierHead']

if find_spec('mmseg'):
    from .daformer_head import DAFormerHead
    from .deeplabv2_head import DeepLabV2Head
    from .hrda_head import HRDAHead, ScalePredictions
    from .lightweight_head import LightweightHead
    from .segformer_head import SegformerHead

    __all__ += ['DAFormerHead', 'DeepLabV2Head', 'HRDAHead', 'LightweightHead', 'ScalePredictions', 'SegformerHead']
