"""Layers that know each sample's domain or adapt to the sample itself, and what they are built on."""

from importlib.util import find_spec

from .atrous_conv import AtrousConv2d
from .convert import convert_norm, evaluated_as, fuse, fuse_norms, set_eval_domain
from .dida import DIDAModule
from .dida_controls import CBAM, AttentionModule, ResidualAdapter, SqueezeExcitation, StaticModule
from .efficient_attention import EfficientAttention
from .exactness import set_exact
from .grad_reversal import GradientReversal, reverse_gradient
from .hybrid_attention import HybridAttention
from .hybrid_self_attention import HybridSelfAttention
from .inference_pass import inference_pass
from .mix_style import MixStyle
from .norms import (
    AdaBN1d,
    AdaBN2d,
    AdaBN3d,
    AutoDIAL1d,
    AutoDIAL2d,
    AutoDIAL3d,
    DomainSpecificBatchNorm1d,
    DomainSpecificBatchNorm2d,
    DomainSpecificBatchNorm3d,
    TransNorm1d,
    TransNorm2d,
    TransNorm3d,
    TwoDomainNorm,
    adapting,
)
from .pointwise_conv import PointwiseConv2d, make_pointwise

__all__ = [
    'AdaBN1d',
    'AdaBN2d',
    'AdaBN3d',
    'AtrousConv2d',
    'AttentionModule',
    'AutoDIAL1d',
    'AutoDIAL2d',
    'AutoDIAL3d',
    'CBAM',
    'DIDAModule',
    'DomainSpecificBatchNorm1d',
    'DomainSpecificBatchNorm2d',
    'DomainSpecificBatchNorm3d',
    'EfficientAttention',
    'GradientReversal',
    'HybridAttention',
    'HybridSelfAttention',
    'MixStyle',
    'PointwiseConv2d',
    'ResidualAdapter',
    'SqueezeExcitation',
    'StaticModule',
    'TransNorm1d',
    'TransNorm2d',
    'TransNorm3d',
    'TwoDomainNorm',
    'adapting',
    'convert_norm',
    'evaluated_as',
    'fuse',
    'fuse_norms',
    'inference_pass',
    'make_pointwise',
    'reverse_gradient',
    'set_eval_domain',
    'set_exact',
]

if find_spec('mmcv'):
    from .dida_branch import DIDABranch
    from .projection import Projection

    __all__ += ['DIDABranch', 'Projection']
