"""Schedules of the learning rate that mmengine lacks."""

from .inverse_decay import InverseDecayLR

__all__ = ['InverseDecayLR']
