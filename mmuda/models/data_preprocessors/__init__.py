"""Data preprocessors."""

from .domain import DomainDataPreprocessor

__all__ = ['DomainDataPreprocessor']
