"""Layers that know each sample's domain, and what they are built on."""

from .efficient_attention import EfficientAttention
from .grad_reversal import GradientReversal, reverse_gradient
from .hybrid_attention import HybridAttention

__all__ = ['EfficientAttention', 'GradientReversal', 'HybridAttention', 'reverse_gradient']
