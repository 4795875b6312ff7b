"""The exponential moving average of a mean teacher (Tarvainen & Valpola, NeurIPS 2017, Eq. 2, with DAFormer's warm-up).

    teacher ← (1 − m_t) · teacher + m_t · student,    m_t = max(1 / (t + 1), m)

so the first update copies the student and the next ones average all steps evenly until 1/(t + 1) falls below m. That is
DACS's schedule. DAFormer, HRDA and MIC move the teacher at the beginning of each step but the first: written as an
update after a step that is m_t = max(1 / (t + 2), m), and the initial weights stay in the average.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ema_momentum(t: int, momentum: float, keep_initial: bool = False) -> float:
    """Give ``m_t`` of the t-th update, t counted from 0.

    Args:
        t: Updates so far.
        momentum: m, the student's share later on.
        keep_initial: Whether the teacher's first weights stay in the average, as in DAFormer, HRDA and MIC.

    Example:
        >>> [ema_momentum(t, 0.3) for t in range(4)]
        [1.0, 0.5, 0.3333333333333333, 0.3]
        >>> ema_momentum(0, 0.3, keep_initial=True)
        0.5
    """
    return max(1 / (t + 1 + keep_initial), momentum)


@torch.no_grad()
def ema_update_(teacher: list[Tensor], student: list[Tensor], momentum: float) -> None:
    """Update all tensors in place, in one fused operation; ``momentum`` is the student's share."""
    if momentum == 1:
        torch._foreach_copy_(teacher, student)  # exact, where t + 1·(s − t) rounds
    else:
        torch._foreach_lerp_(teacher, student, momentum)
