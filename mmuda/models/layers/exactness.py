"""Which layers of a network compute what their host computes to the bit in evaluation, and which faster."""

from __future__ import annotations

from torch import nn

from .efficient_attention import EfficientAttention
from .pointwise_conv import PointwiseConv2d


def set_exact(network: nn.Module, exact: bool) -> None:
    """Have the layers of a network that is in evaluation equal their hosts to the bit, or up to rounding and faster.

    Scores are to be those of mmseg to the bit. Labels of a teacher, features of a reference and exported graphs need
    not be.
    """
    for module in network.modules():
        if isinstance(module, (EfficientAttention, PointwiseConv2d)):
            module.exact = exact
