"""Samplers over a `DomainDataset`."""

from .domain_sampler import DomainSampler
from .rare_class_sampler import RareClassSampler
from .sample_index import SampleIndex

__all__ = ['DomainSampler', 'RareClassSampler', 'SampleIndex']
