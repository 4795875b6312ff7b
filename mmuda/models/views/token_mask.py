"""A view some of whose tokens are hidden (VFM-UDA, 2024; masks of tokens as in MAE and DINOv2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from mmuda.registry import MODELS

from .base import Normalization, View
from .block_mask import BlockMask


@MODELS.register_module()
class TokenMask(BlockMask):
    """Hides whole patches of a vision transformer, each with the same probability; labels and weights stay.

    A hidden patch of a normalised image is 0. A ViT embeds a patch by a convolution as wide as its stride, so each
    hidden patch has the same token before the position is added: the mask token of a :class:`mmuda.VisionTransformer`
    that has one, as in VFM-UDA, and of any other network the bias of its embedding, which is learned, too. Encoders
    whose patches overlap, such as MiT, have no such token: there take :class:`mmuda.BlockMask`.

    Args:
        of: The view whose images are masked.
        ratio: The probability of a patch to be hidden; 0.7 in VFM-UDA.
        patch: Side of a patch in pixels, the ``patch_size`` of the encoder.

    Example:
        >>> images = View(torch.ones(1, 3, 64, 64))
        >>> TokenMask(patch=16)(dict(target=images), norm=None).inputs.shape
        torch.Size([1, 3, 64, 64])
    """

    def __init__(self, of: str = 'target', ratio: float = 0.7, patch: int = 16) -> None:
        super().__init__(of, ratio, patch)

    @torch.no_grad()
    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Return the view with hidden patches.

        Raises:
            ValueError: Images that are not made of whole patches.
        """
        height, width = views[self.of[0]].inputs.shape[-2:]
        if height % self.block or width % self.block:
            raise ValueError(
                f'TokenMask hides patches of {self.block} pixels, but images have {height}×{width}: set patch to the '
                "encoder's patch_size, and a crop size that is a multiple of it."
            )
        return super().forward(views, norm)
