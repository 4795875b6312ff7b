"""A box of a source image pasted onto a target image (CutMix, Yun et al., ICCV 2019; DDB, NeurIPS 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.functional import box_mask
from mmuda.registry import MODELS

from .paste import PasteMaker


@MODELS.register_module()
class CutMix(PasteMaker):
    """A target-like view: each target image with a box of a source image over it.

    The box's shape and place are drawn for each image, see :func:`mmuda.functional.box_mask`; its area is given, as
    French et al. (BMVC 2020) have it for segmentation, where CutMix itself draws the area.

    Args:
        area: Share of the image that the box covers; 0.4 in DDB, 0.5 in French et al.
        of: The target view.

    Example:
        >>> label = torch.zeros(1, 8, 8, dtype=torch.long)
        >>> CutMix(area=0.25).mask(label).sum().item() / 64
        0.25
    """

    def __init__(self, area: float = 0.4, of: str = 'target') -> None:
        super().__init__(of)
        if not 0 < area < 1:
            raise ValueError(f'CutMix has area={area}: a box covers a share between 0 and 1 of the image.')
        self.area = area

    def mask(self, label: Tensor) -> Tensor:
        """Return the pixels to paste, bool, of source labels ``[B, H, W]``."""
        return box_mask(torch.rand(len(label), 3, device=label.device), self.area, tuple(label.shape[1:]))
