"""Gradient reversal (DANN, Ganin et al., JMLR 2016, Sec. 4.2): identity forward, −λ · gradient backward.

λ is an argument, a tensor on the features' device: no state, and no value that the host would have to wait for.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, coefficient: Tensor) -> Tensor:
        """Return ``x``."""
        ctx.save_for_backward(coefficient)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Multiply the gradient by −coefficient."""
        (coefficient,) = ctx.saved_tensors
        return -coefficient * gradient, None


def reverse_gradient(x: Tensor, coefficient: Tensor | float = 1.0) -> Tensor:
    """Return ``x``; its gradient is multiplied by ``-coefficient`` on the way back.

    Args:
        x: Any shape.
        coefficient: A scalar, such as :func:`mmuda.functional.adaptation_ramp`; it gets no gradient itself.
    """
    if not isinstance(coefficient, Tensor):
        coefficient = x.new_full((), coefficient)
    return _Reverse.apply(x, coefficient)


class GradientReversal(nn.Module):
    """:func:`reverse_gradient` as a module, for an ``nn.Sequential``.

    Args:
        coefficient: What is used when ``forward`` gets none.
    """

    def __init__(self, coefficient: float = 1.0) -> None:
        super().__init__()
        self.coefficient = coefficient

    def forward(self, x: Tensor, coefficient: Tensor | float | None = None) -> Tensor:
        """Return ``x``, with the reversed gradient."""
        return reverse_gradient(x, self.coefficient if coefficient is None else coefficient)

    def extra_repr(self) -> str:
        """Return the coefficient."""
        return f'coefficient={self.coefficient}'
