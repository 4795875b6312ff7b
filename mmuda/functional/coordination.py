"""STCT Eq. 1, the two factors of the coordination weight (OpenReview oBXFemWGPWN, Sec. 3.1).

    Coor_i = Acc(argmax_k p_t^i, yhat_t^i) · (1 − e^(−iter·alpha))

p_t^i are the student's class scores of target image i, yhat_t^i the teacher's label map. Acc
averages over the pixels of one image; the paper leaves ignored pixels open, here they count in
neither numerator nor denominator.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pixel_agreement(prediction: Tensor, label: Tensor, valid: Tensor | None = None) -> Tensor:
    """Share of the valid pixels on which two label maps agree, one number an image; 0 or 1 where it has one label.

    Args:
        prediction: ``[B, H, W]`` or ``[B]`` class indices.
        label: The same shape, class indices.
        valid: The same shape, bool: the pixels that count (None: all).

    Returns:
        ``[B]`` float32 in [0, 1]; 0 for an image without a valid pixel.
    """
    batch = len(label)
    agree = (prediction == label).reshape(batch, -1)
    if valid is None:
        return agree.mean(1, dtype=torch.float32)
    valid = valid.reshape(batch, -1)
    return (agree & valid).sum(1) / valid.sum(1).clamp_min(1)


def coordination_ramp(step: Tensor | int, alpha: float) -> Tensor:
    """Compute ``1 − e^(−step·alpha)``: 0 at step 0, 0.259 at 1500 and 1.000 at 40000 for the paper's alpha of 2e-4."""
    step = step if isinstance(step, Tensor) else torch.tensor(step)
    return -torch.expm1(step * -alpha)  # a product of whole and other numbers is in float32
