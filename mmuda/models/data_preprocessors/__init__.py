"""Data preprocessors."""

from .domain import DomainDataPreprocessor
from .two_views import TwoViewDataPreprocessor

__all__ = ['DomainDataPreprocessor', 'TwoViewDataPreprocessor']
