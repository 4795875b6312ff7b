"""The ramp of adversarial adaptation (DANN, Ganin et al., JMLR 2016, Sec. 5.2.2).

    λ_p = 2 / (1 + e^(−γ·p)) − 1 = tanh(γ·p / 2)        p = step / ramp_steps

from 0 to (almost) 1: a discriminator that has learnt nothing yet does not disturb the features. A pure function of the
step, so a resumed run needs no state for it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def adaptation_ramp(step: Tensor | int, ramp_steps: float, gamma: float = 10.0, high: float = 1.0) -> Tensor:
    """``high · tanh(gamma · p / 2)`` with p = step / ramp_steps, which may grow beyond 1.

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
