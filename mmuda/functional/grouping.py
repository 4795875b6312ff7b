"""Class splits: which of two groups each token of an image belongs to (STCT, Sec. 3.3.1 and Fig. 3).

Hybrid attention runs apart inside either group. A split is drawn once and *rasterised* on the token
grid of each encoder stage, so that all stages tell of the same split. Everything is drawn on the
label's device and per image, without a host synchronisation.

Shapes: B images, H × W pixels, a grid of h × w tokens. True is the paper's white region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Grid = tuple[int, int]
Raster = Callable[[Grid], Tensor]  # a drawn split: grid (h, w) → bool [B, h, w]

_NUM_IDS = 257  # of 8-bit labels, and one for the ignored pixels
_CUTOUT_AREA = (0.25, 0.75)


def class_split(
    label: Tensor,
    strategy: str,
    grid: Grid,
    generator: torch.Generator | None = None,
    num_scattered: int = 0,
    ignore_index: int = 255,
) -> Tensor:
    """One drawn split on one grid: bool ``[B, h, w]``. See :func:`class_split_pyramid`."""
    return class_split_pyramid(label, strategy, [grid], generator, num_scattered, ignore_index)[0]


def class_split_pyramid(
    label: Tensor,
    strategy: str,
    grids: Sequence[Grid],
    generator: torch.Generator | None = None,
    num_scattered: int = 0,
    ignore_index: int = 255,
) -> tuple[Tensor, ...]:
    """One drawn split on several grids (STCT, Sec. 3.3.1; the numbers in brackets are readings of ours).

    ======================  ====================================================================
    ``random``              half of the tokens (exactly, rounded up; drawn on the coarsest grid)
    ``hvh``                 upper or left half of the image
    ``hvr``                 above or left of a random cut (no side is empty on the coarsest grid)
    ``cutout``              inside one random rectangle (area uniform in 25 to 75 % of the image)
    ``semantic``            half of the classes present in the image (rounded up)
    ``scattered-semantic``  ``semantic``, but the tokens of some classes fall as in ``random``
    ======================  ====================================================================

    A token's class is the label's pixel at its upper left, the centre of the receptive field of an
    overlapped patch embedding. An image of one class, and one that is all ignored, is one group.

    Args:
        label: Class indices 0 to 255 ``[B, H, W]``; strategies without classes read its shape only.
        strategy: One of the table.
        grids: (h, w) of each map.
        generator: Where the draws come from (None: the default generator of the label's device).
        num_scattered: How many of the classes present are scattered; no less than there are: ``random``.
        ignore_index: Label of unlabelled pixels; they count as one more class.

    Returns:
        One bool map ``[B, h, w]`` a grid.

    Raises:
        ValueError: An unknown strategy, a label that is no integer map, an empty grid, or a
            ``num_scattered`` that is negative or has no use.
    """
    _check(label, strategy, grids, num_scattered)
    coarsest = min(grids, key=lambda grid: grid[0] * grid[1])
    if strategy in _SPATIAL:
        raster = _SPATIAL[strategy](label, coarsest, generator)
    elif num_scattered:
        raster = _scattered_semantic(label, coarsest, generator, num_scattered, ignore_index)
    else:
        raster = _semantic(label, generator, ignore_index)
    return tuple(raster(tuple(grid)) for grid in grids)


def key_groups(groups: Tensor, grid: Grid, majority: bool = False) -> Tensor:
    """The groups of keys that stand for several query tokens each.

    Args:
        groups: bool ``[B, h, w]`` on the query grid.
        grid: (h', w') of the keys.
        majority: True if at least half of the queries that a key covers are; else as the query at its upper left.

    Returns:
        bool ``[B, h', w']``.
    """
    if tuple(groups.shape[-2:]) == tuple(grid):
        return groups
    if not majority:
        return _nearest(groups, grid)
    return F.adaptive_avg_pool2d(groups.float(), grid) >= 0.5


def _random(label: Tensor, coarsest: Grid, generator: torch.Generator | None) -> Raster:
    cells = coarsest[0] * coarsest[1]
    rank = _rank(_uniform(label, cells, generator=generator))
    half = (rank < (cells + 1) // 2).view(-1, *coarsest)
    return lambda grid: _nearest(half, grid)


def _hvh(label: Tensor, coarsest: Grid, generator: torch.Generator | None) -> Raster:
    horizontal = _uniform(label, 1, generator=generator) < 0.5  # [B, 1]
    bottom, right = torch.where(horizontal, 0.5, 1.0), torch.where(horizontal, 1.0, 0.5)
    return _rectangle(torch.zeros_like(bottom), bottom, torch.zeros_like(right), right)


def _hvr(label: Tensor, coarsest: Grid, generator: torch.Generator | None) -> Raster:
    orientation, position = _uniform(label, 2, generator=generator).split(1, dim=1)
    horizontal = orientation < 0.5
    rows, columns = (1 + torch.floor(position * (size - 1)) for size in coarsest)  # in 1 … size − 1
    bottom = torch.where(horizontal, rows / coarsest[0], 1.0)
    right = torch.where(horizontal, 1.0, columns / coarsest[1])
    return _rectangle(torch.zeros_like(bottom), bottom, torch.zeros_like(right), right)


def _cutout(label: Tensor, coarsest: Grid, generator: torch.Generator | None) -> Raster:
    share, shape, y, x = _uniform(label, 4, generator=generator).split(1, dim=1)
    low, high = _CUTOUT_AREA
    area = low + (high - low) * share
    height, width = area**shape, area ** (1 - shape)  # their product is the area, and both fit
    top, left = y * (1 - height), x * (1 - width)
    return _rectangle(top, top + height, left, left + width)


_SPATIAL = dict(random=_random, hvh=_hvh, hvr=_hvr, cutout=_cutout)
STRATEGIES = (*_SPATIAL, 'semantic', 'scattered-semantic')


def _semantic(label: Tensor, generator: torch.Generator | None, ignore_index: int) -> Raster:
    rank, count = _rank_classes(label, generator, ignore_index)
    chosen = rank < (count + 1) // 2
    return lambda grid: _look_up(chosen, label, grid, ignore_index)


def _scattered_semantic(
    label: Tensor, coarsest: Grid, generator: torch.Generator | None, num_scattered: int, ignore_index: int
) -> Raster:
    random = _random(label, coarsest, generator)
    semantic = _semantic(label, generator, ignore_index)
    scattered = _rank_classes(label, generator, ignore_index)[0] < num_scattered
    return lambda grid: torch.where(_look_up(scattered, label, grid, ignore_index), random(grid), semantic(grid))


def _rank_classes(label: Tensor, generator: torch.Generator | None, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Each id's place in a random order of its image's ids, absent ones last [B, ids]; how many there are [B, 1]."""
    ids = _ids(label, ignore_index).flatten(1)
    present = torch.zeros(len(label), _NUM_IDS, dtype=torch.bool, device=label.device).scatter_(1, ids, True)
    score = _uniform(label, _NUM_IDS, generator=generator)
    return _rank(score.masked_fill(~present, 2.0)), present.sum(1, keepdim=True)


def _ids(label: Tensor, ignore_index: int) -> Tensor:
    """Indices into a table of ids, with the ignored pixels at the last one."""
    return label.long().masked_fill(label == ignore_index, _NUM_IDS - 1)


def _look_up(table: Tensor, label: Tensor, grid: Grid, ignore_index: int) -> Tensor:
    """bool [B, ids] → each token's entry [B, h, w]."""
    ids = _ids(_nearest(label, grid), ignore_index)
    return table.gather(1, ids.flatten(1)).view_as(ids)


def _rectangle(top: Tensor, bottom: Tensor, left: Tensor, right: Tensor) -> Raster:
    """True for tokens whose upper left lies inside; borders [B, 1] as shares of the image."""

    def raster(grid: Grid) -> Tensor:
        y, x = (torch.arange(size, device=top.device) / size for size in grid)
        rows, columns = (top <= y) & (y < bottom), (left <= x) & (x < right)
        return rows.unsqueeze(2) & columns.unsqueeze(1)

    return raster


def _nearest(maps: Tensor, grid: Grid) -> Tensor:
    """[B, H, W] → [B, h, w]: the value at the upper left of each cell."""
    rows, columns = (
        torch.arange(size, device=maps.device) * full // size for size, full in zip(grid, maps.shape[-2:], strict=True)
    )
    return maps[:, rows.unsqueeze(1), columns]


def _uniform(label: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Draws in [0, 1) for every image: [B, count]."""
    return torch.rand(len(label), count, device=label.device, generator=generator)


def _rank(score: Tensor) -> Tensor:
    """The place of each entry in ascending order: [B, n]."""
    return score.argsort(1).argsort(1)


def _check(label: Tensor, strategy: str, grids: Sequence[Grid], num_scattered: int) -> None:
    if strategy not in STRATEGIES:
        raise ValueError(f'class_split has strategy={strategy!r}: use one of {", ".join(STRATEGIES)}.')
    if label.dim() != 3 or label.is_floating_point():
        raise ValueError(
            f'class_split wants class indices [B, H, W], but the label is {label.dtype} {list(label.shape)}.'
        )
    if num_scattered < 0 or (num_scattered and strategy != 'scattered-semantic'):
        raise ValueError(
            f'class_split has num_scattered={num_scattered} with strategy={strategy!r}: give 0 or more, and with '
            "'scattered-semantic' only."
        )
    for grid in grids:
        if min(grid) < 1:
            raise ValueError(f'class_split has a grid of {grid[0]} × {grid[1]} tokens: give at least one each way.')
