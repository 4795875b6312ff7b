"""What a discriminator of maps learns, and what a network learns through it (AdaptSegNet, ADVENT).

    vanilla         L(D, d) = mean of −d log σ(D) − (1 − d) log(1 − σ(D))
    least_squares   L(D, d) = mean of (D − d)²                              (LS-GAN, Mao et al., ICCV 2017)

d is 0 for the source and 1 for the target. The discriminator learns ½ L(D(source), 0) + ½ L(D(target), 1) from detached
maps; the network learns L(D(target), 0), the flipped label, with the discriminator held constant.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SOURCE, TARGET = 0.0, 1.0
KINDS = ('vanilla', 'least_squares')


def domain_loss(logits: Tensor, domain: float, kind: str = 'vanilla') -> Tensor:
    """Average the loss of a discriminator's logits that should say ``domain``.

    Args:
        logits: Any shape.
        domain: :data:`SOURCE` or :data:`TARGET`.
        kind: ``vanilla`` or ``least_squares``.

    Raises:
        ValueError: An unknown kind.

    Example:
        >>> domain_loss(torch.zeros(1, 1, 2, 2), TARGET)
        tensor(0.6931)
    """
    if kind == 'vanilla':
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))
    if kind == 'least_squares':
        return (logits - domain).square().mean()
    raise ValueError(f'kind={kind!r} is unknown: use one of {", ".join(KINDS)}.')
