"""Thing-class feature distance (DAFormer, Hoyer et al., CVPR 2022, Eqs. 8–11).

    L_FD = Σ_j M_j · ‖F_j − F_j^ImageNet‖₂ / Σ_j M_j

over the positions j of a feature map; M keeps positions whose patch of the source label shows one
thing class on at least ``min_ratio`` of its pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def thing_mask(label: Tensor, classes: Tensor, size: tuple[int, int], min_ratio: float) -> Tensor:
    """Mark where one of ``classes`` fills at least ``min_ratio`` of the patch of pixels behind a feature.

    Args:
        label: ``[B, H, W]`` class indices; pixels of other classes and ignored ones count as none
            of them.
        classes: ``[C]`` the classes that count.
        size: The feature map's (h, w).
        min_ratio: Share of the patch; above one half, at most one class can reach it.

    Returns:
        ``[B, h, w]`` bool.
    """
    is_class = label.unsqueeze(1) == classes.view(1, -1, 1, 1)  # [B, C, H, W]
    return F.adaptive_avg_pool2d(is_class.float(), size).amax(1) >= min_ratio


def masked_feature_distance(features: Tensor, reference: Tensor, mask: Tensor, count: Tensor | None = None) -> Tensor:
    """Average the L2 distance of two feature maps over the masked positions; 0 where the mask is empty.

    Args:
        features: ``[B, C, h, w]``, receives the gradient.
        reference: ``[B, C, h, w]`` of the frozen network.
        mask: ``[B, h, w]`` bool.
        count: What to divide the sum by (None: the number of masked positions, or 1 if there is none).
    """
    # The floor keeps the root differentiable where student and reference agree exactly, as they do at step 0.
    squared = (features.float() - reference.float()).square().sum(1)
    distance = squared.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()
    count = mask.sum().clamp_min(1) if count is None else count
    return torch.where(mask, distance, 0).sum() / count
