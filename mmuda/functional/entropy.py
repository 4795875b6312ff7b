"""Entropy of predictions: ADVENT (Vu et al., CVPR 2019) and FDA (Yang and Soatto, CVPR 2020) minimise it.

Shapes: B images, C classes, `...` any number of further dimensions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normalized_entropy(logits: Tensor) -> Tensor:
    """Measure how unsure each prediction is, from 0 (one class) to 1 (all alike).

        E = −Σ_c p_c log p_c / log C        (ADVENT, Eq. 2)

    ADVENT's released code adds 1e-30 inside the logarithm; log-softmax needs no such number and gives the same.

    Args:
        logits: ``[B, C, ...]``.

    Returns:
        ``[B, ...]``, float32 at least, in units of log C.

    Example:
        >>> normalized_entropy(torch.zeros(1, 4))
        tensor([1.])
    """
    return self_information(logits).sum(1)


def self_information(logits: Tensor) -> Tensor:
    """Share out the entropy to the classes: what ADVENT's discriminator sees.

        I_c = −p_c log p_c / log C        (ADVENT, Sec. 3.2)

    Args:
        logits: ``[B, C, ...]``.

    Returns:
        ``[B, C, ...]``, float32 at least; its sum over classes is :func:`normalized_entropy`.

    Example:
        >>> self_information(torch.zeros(1, 4))
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    log_p = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(1)
    return -log_p.exp() * log_p / math.log(max(logits.shape[1], 2))  # of one class: 0


def charbonnier(x: Tensor, power: float = 2.0) -> Tensor:
    """Penalise large values more than small ones: FDA's robust penalty of the entropy (Eq. 5).

        ρ(x) = (x² + 1e-8)^power

    Args:
        x: Any shape; FDA: the normalised entropy of the logits before they are scaled up.
        power: η of the paper; 2.0 there, at which high entropy counts more.

    Returns:
        The shape of ``x``.

    Example:
        >>> charbonnier(torch.tensor([0.0, 1.0]))
        tensor([1.0000e-16, 1.0000e+00])
    """
    return (x.square() + 1e-8) ** power
