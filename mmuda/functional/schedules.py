"""Steps that follow the length of a training, and the ramp of adversarial adaptation.

The ramp (DANN, Ganin et al., JMLR 2016, Sec. 5.2.2) is

    λ_p = 2 / (1 + e^(−γ·p)) − 1 = tanh(γ·p / 2)        p = step / ramp_steps

from 0 to (almost) 1: a discriminator that has learnt nothing yet does not disturb the features. A pure function of the
step, so a resumed run needs no state for it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def is_share(value: float, name: str = 'a length') -> bool:
    """Tell whether a length is a share of the training, a float up to 1, or a number of steps, an int.

    Args:
        value: The length: 0.5 is half of the training, 1.0 all of it, 1 is one step.
        name: What it is called in the error.

    Raises:
        ValueError: A float above 1, which is neither.
    """
    if isinstance(value, float) and value > 1:
        raise ValueError(f'{name}={value} is neither: write a share of the training as 0.1 or 1.0, steps as 2000.')
    return isinstance(value, float)


def steps_of(value: float, length: int, name: str = 'a length') -> int:
    """Turn a length into steps (or epochs): an int is so many already, a float up to 1 a share of the training.

    Args:
        value, name: See :func:`is_share`.
        length: Steps (or epochs) of the training.

    Returns:
        At least 1 for a share above 0.

    Example:
        >>> [steps_of(value, 400) for value in (0.25, 1.0, 1, 1e-9, 0.0)]
        [100, 400, 1, 1, 0]
    """
    return (max(1, round(value * length)) if value > 0 else 0) if is_share(value, name) else value


def adaptation_ramp(step: Tensor | int, ramp_steps: float, gamma: float = 10.0, high: float = 1.0) -> Tensor:
    """Compute ``high · tanh(gamma · p / 2)`` with p = step / ramp_steps, which may grow beyond 1.

    Args:
        step: Training steps done so far; a tensor stays on its device.
        ramp_steps: Steps after which p is 1. DANN: all of the training; CDAN's code 10,000, TransNorm's 5,000.
        gamma: Steepness (DANN 10; MDD 1).
        high: The end of the ramp (DANN 1; MDD 0.1).

    Returns:
        A float32 scalar.
    """
    progress = torch.as_tensor(step).float() / ramp_steps
    return high * torch.tanh(gamma * progress / 2)
