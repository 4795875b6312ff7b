"""A view with hidden blocks, whose labels are those of the whole image (MIC, Hoyer et al., CVPR 2023, Eqs. 5 to 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from mmuda.functional import block_grid, block_mask
from mmuda.registry import MODELS

from .base import Normalization, View, ViewMaker


@MODELS.register_module()
class BlockMask(ViewMaker):
    """Hides blocks of each image, drawn image by image; labels and weights stay.

    A hidden pixel of a normalised image is 0, the mean colour.

    Args:
        of: The view whose images are masked, such as an augmented target.
        ratio: The share of blocks that are hidden on average; 0.7 in the paper.
        block: Side of a block in pixels; 64 in the paper, 32 on images of half the size.

    Example:
        >>> images = View(torch.ones(1, 3, 64, 64))
        >>> masked = BlockMask(of='target', ratio=0.5, block=32)(dict(target=images), norm=None)
        >>> masked.inputs.shape
        torch.Size([1, 3, 64, 64])
    """

    def __init__(self, of: str = 'target', ratio: float = 0.7, block: int = 64) -> None:
        super().__init__(of)
        if not 0 <= ratio <= 1:
            raise ValueError(f'BlockMask has ratio={ratio}: a share lies in [0, 1].')
        if block < 1:
            raise ValueError(f'BlockMask has block={block}: a block has at least one pixel.')
        self.ratio, self.block = ratio, block

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse images of H × W pixels that are smaller than a block.

        Raises:
            ValueError: See :func:`mmuda.functional.block_grid`.
        """
        block_grid(size, self.block)

    @torch.no_grad()
    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Return the view with hidden blocks.

        Raises:
            ValueError: A block larger than the image.
        """
        view = views[self.of[0]]
        size = tuple(view.inputs.shape[-2:])
        draw = torch.rand(len(view), *block_grid(size, self.block), device=view.inputs.device)
        return replace(view, inputs=view.inputs * block_mask(draw, self.ratio, size).unsqueeze(1))
