"""Which blocks of an image the student still sees (MIC, Hoyer et al., CVPR 2023, Eq. 6).

Shapes: B images of H × W pixels, a grid of `rows` × `columns` blocks.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate


def block_grid(size: tuple[int, int], block: int) -> tuple[int, int]:
    """Count the blocks along each axis: H / block and W / block, rounded to the nearest, halves to the even number.

    Args:
        size: H and W.
        block: Side of a block in pixels.

    Raises:
        ValueError: A block is larger than the image by so much that no block remains.

    Example:
        >>> block_grid((512, 512), 64)
        (8, 8)
        >>> block_grid((10, 14), 4)
        (2, 4)
    """
    rows, columns = (round(length / block) for length in size)
    if not rows or not columns:
        raise ValueError(
            f'A block of {block} pixels does not fit into an image of {size[0]}×{size[1]}: choose a smaller block.'
        )
    return rows, columns


def block_mask(draw: Tensor, ratio: float, size: tuple[int, int]) -> Tensor:
    """Keep a block where its number exceeds ``ratio``.

        mask[y, x] = draw[⌊y · rows / H⌋, ⌊x · columns / W⌋] > ratio

    Args:
        draw: ``[B, rows, columns]``, uniform in [0, 1): one number a block.
        ratio: The share of blocks that are hidden on average; 0.7 in the paper.
        size: H and W of the image.

    Returns:
        Bool ``[B, H, W]``, True where the image stays. Times a normalised image, hidden pixels have the mean colour.

    Example:
        >>> draw = torch.tensor([[[0.1, 0.9]]])
        >>> block_mask(draw, ratio=0.7, size=(1, 4)).tolist()
        [[[False, False, True, True]]]
    """
    kept = (draw > ratio).unsqueeze(1).float()
    return interpolate(kept, size=size, mode='nearest').squeeze(1).bool()
