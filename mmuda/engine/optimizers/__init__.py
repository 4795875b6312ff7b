"""Optimizer wrappers and their constructor."""

from .bf16 import BFloat16OptimWrapper
from .grouped_constructor import UDAOptimWrapperConstructor

__all__ = ['BFloat16OptimWrapper', 'UDAOptimWrapperConstructor']
