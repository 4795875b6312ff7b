"""Schedules of the learning rate that mmengine lacks."""

from .epoch_cosine import EpochCosineLR
from .inverse_decay import InverseDecayLR
from .warmup_poly import WarmupPolyLR

__all__ = ['EpochCosineLR', 'InverseDecayLR', 'WarmupPolyLR']
