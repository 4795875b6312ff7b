"""Samplers over a `DomainDataset`."""

from .class_aware_sampler import ClassAwareSampler
from .domain_sampler import DomainSampler
from .rare_class_sampler import RareClassSampler
from .sample_index import SampleIndex

__all__ = ['ClassAwareSampler', 'DomainSampler', 'RareClassSampler', 'SampleIndex']
