"""The norms of two domains: one norm a file, over two implementations of the training pass.

A norm's class has its formula (:meth:`TwoDomainNorm.normalizers`) and says which one it is (:class:`.recipe.Recipe`).
A training pass runs in torch (:mod:`.torch_norm`), by the formula, or in Triton (:mod:`.triton_norm`), by the recipe.
"""

from .ada_bn import AdaBN1d, AdaBN2d, AdaBN3d, adapting
from .auto_dial import AutoDIAL1d, AutoDIAL2d, AutoDIAL3d
from .domain_specific_batch_norm import (
    DomainSpecificBatchNorm1d,
    DomainSpecificBatchNorm2d,
    DomainSpecificBatchNorm3d,
)
from .trans_norm import TransNorm1d, TransNorm2d, TransNorm3d
from .two_domain_norm import TwoDomainNorm, check_domain

__all__ = [
    'AdaBN1d',
    'AdaBN2d',
    'AdaBN3d',
    'AutoDIAL1d',
    'AutoDIAL2d',
    'AutoDIAL3d',
    'DomainSpecificBatchNorm1d',
    'DomainSpecificBatchNorm2d',
    'DomainSpecificBatchNorm3d',
    'TransNorm1d',
    'TransNorm2d',
    'TransNorm3d',
    'TwoDomainNorm',
    'adapting',
    'check_domain',
]
