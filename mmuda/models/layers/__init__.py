"""Layers that know each sample's domain, and what they are built on."""

from .efficient_attention import EfficientAttention
from .hybrid_attention import HybridAttention

__all__ = ['EfficientAttention', 'HybridAttention']
