"""The exponential moving average of a mean teacher (Tarvainen & Valpola, NeurIPS 2017, Eq. 2, with DAFormer's warm-up).

    teacher ← (1 − m_t) · teacher + m_t · student,    m_t = max(1 / (t + 1), m)

so the first update copies the student and the next ones average all steps evenly until 1/(t + 1)
falls below m.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ema_momentum(t: int, momentum: float) -> float:
    """``m_t`` of the t-th update, t counted from 0."""
    return max(1 / (t + 1), momentum)


@torch.no_grad()
def ema_update_(teacher: list[Tensor], student: list[Tensor], momentum: float) -> None:
    """One fused update of all tensors in place; ``momentum`` is the student's share."""
    if momentum == 1:
        torch._foreach_copy_(teacher, student)  # exact, where t + 1·(s − t) rounds
    else:
        torch._foreach_lerp_(teacher, student, momentum)
