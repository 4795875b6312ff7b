"""Class splits: which of two groups each token of an image belongs to (STCT, Sec. 3.3.1 and Fig. 3).

Hybrid attention runs apart inside either group. A split is drawn once and *rasterised* on the token
grid of each encoder stage (shapes on the coarsest one, and then repeated), so that all stages tell of
the same split. Everything is drawn on the
label's device and per image, without a host synchronisation.

Shapes: B images, H × W pixels, a grid of h × w tokens. True is the paper's white region.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

Grid = tuple[int, int]

_NUM_IDS = 1024  # labels above are rare, and count as ignored
_CUTOUT_AREA = (0.25, 0.75)


def class_split(
    label: Tensor,
    strategy: str,
    grid: Grid,
    generator: torch.Generator | None = None,
    num_scattered: int = 0,
    ignore_index: int = 255,
) -> Tensor:
    """Draw a split on one grid: bool ``[B, h, w]``. See :func:`class_split_pyramid`."""
    return class_split_pyramid(label, strategy, [grid], generator, num_scattered, ignore_index)[0]


def class_split_pyramid(
    label: Tensor,
    strategy: str,
    grids: Sequence[Grid],
    generator: torch.Generator | None = None,
    num_scattered: int = 0,
    ignore_index: int = 255,
) -> tuple[Tensor, ...]:
    """Draw a split on several grids (STCT, Sec. 3.3.1; the numbers in brackets are readings of ours).

    ======================  ====================================================================
    ``random``              half of the tokens of the coarsest grid (exactly, rounded up)
    ``hvh``                 upper or left half of the image (rounded up)
    ``hvr``                 above or left of a random cut (no side is empty)
    ``cutout``              inside one random rectangle (area uniform in 25 to 75 % of the image)
    ``semantic``            half of the classes present in the image (rounded up)
    ``scattered-semantic``  ``semantic``, but the tokens of some classes fall as in ``random``
    ======================  ====================================================================

    A token's class is the label's pixel at its upper left, the centre of the receptive field of an
    overlapped patch embedding. An image of one class, and one that is all ignored, is one group.

    Args:
        label: Class indices ``[B, H, W]``; strategies without classes read its shape only.
        strategy: One of the table.
        grids: (h, w) of each map.
        generator: Where the draws come from (None: the default generator of the label's device).
        num_scattered: How many of the classes present are scattered; no less than there are: ``random``.
        ignore_index: Label of unlabelled pixels; with all labels outside 0 to 1023 they count as one more class.

    Returns:
        One bool map ``[B, h, w]`` a grid.

    Raises:
        ValueError: An unknown strategy, a label that is no integer map, an empty grid, or a
            ``num_scattered`` that is negative or has no use.
    """
    return tokens_on_grids(split_tokens(label, strategy, grids, generator, num_scattered, ignore_index), grids)


def split_tokens(
    label: Tensor,
    strategy: str,
    grids: Sequence[Grid],
    generator: torch.Generator | None = None,
    num_scattered: int = 0,
    ignore_index: int = 255,
) -> Tensor:
    """Split the tokens of all grids, one behind the other: bool ``[B, Σ h·w]``. See :func:`class_split_pyramid`."""
    check_strategy(strategy, num_scattered)
    _check(label, grids)
    coarsest = min(grids, key=lambda grid: grid[0] * grid[1])
    if strategy in _SHAPES:
        return _rasterised(_SHAPES[strategy](label, coarsest, generator), grids)
    random = _rasterised(_random(label, coarsest, generator), grids) if num_scattered else None
    return _of_classes(label, grids, random, generator, num_scattered, ignore_index)


def tokens_on_grids(tokens: Tensor, grids: Sequence[Grid]) -> tuple[Tensor, ...]:
    """Cut ``[B, Σ h·w]`` into the map ``[B, h, w]`` of each grid."""
    parts = tokens.split([height * width for height, width in grids], 1)
    return tuple(part.unflatten(1, tuple(grid)) for part, grid in zip(parts, grids, strict=True))


def key_groups(groups: Tensor, ratio: int, majority: bool = False) -> Tensor:
    """Group keys that stand for ``ratio`` × ``ratio`` query tokens each; their convolution drops a remainder.

    Args:
        groups: bool ``[B, h, w]`` on the query grid.
        ratio: Of the spatial reduction.
        majority: True if at least half of the queries that a key covers are; else as the query at its upper left.

    Returns:
        bool ``[B, h // ratio, w // ratio]``.
    """
    if majority:
        return F.avg_pool2d(groups.float().unsqueeze(1), ratio).squeeze(1) >= 0.5
    height, width = (size // ratio * ratio for size in groups.shape[-2:])
    return groups[:, :height:ratio, :width:ratio]


def check_strategy(strategy: str, num_scattered: int) -> None:
    """Raise a ValueError for what is no strategy of :func:`class_split`."""
    if strategy not in STRATEGIES:
        raise ValueError(f'class_split has strategy={strategy!r}: use one of {", ".join(STRATEGIES)}.')
    if num_scattered < 0 or (num_scattered and strategy != 'scattered-semantic'):
        raise ValueError(
            f'class_split has num_scattered={num_scattered} with strategy={strategy!r}: give 0 or more, and with '
            "'scattered-semantic' only."
        )


def _check(label: Tensor, grids: Sequence[Grid]) -> None:
    if label.dim() != 3 or label.is_floating_point():
        raise ValueError(
            f'class_split wants class indices [B, H, W], but the label is {label.dtype} {list(label.shape)}.'
        )
    if not grids or min(min(grid) for grid in grids) < 1:
        raise ValueError(f'class_split has the grids {list(grids)}: give some, each of at least one token each way.')


# ---- shapes, on the coarsest grid: bool [B, h, w] ---------------------------------------------


def _random(label: Tensor, grid: Grid, generator: torch.Generator | None) -> Tensor:
    cells = grid[0] * grid[1]
    return (_rank(_uniform(label, cells, generator)) < (cells + 1) // 2).view(-1, *grid)


def _hvh(label: Tensor, grid: Grid, generator: torch.Generator | None) -> Tensor:
    horizontal = _uniform(label, 1, generator) < 0.5
    return _cut(horizontal, *((size + 1) // 2 for size in grid), grid)


def _hvr(label: Tensor, grid: Grid, generator: torch.Generator | None) -> Tensor:
    orientation, position = _uniform(label, 2, generator).split(1, dim=1)
    return _cut(orientation < 0.5, *(1 + torch.floor(position * (size - 1)) for size in grid), grid)


def _cutout(label: Tensor, grid: Grid, generator: torch.Generator | None) -> Tensor:
    share, shape, y, x = _uniform(label, 4, generator).split(1, dim=1)
    low, high = _CUTOUT_AREA
    area = low + (high - low) * share
    height, width = area**shape, area ** (1 - shape)  # their product is the area, and both fit
    top, left = y * (1 - height), x * (1 - width)
    rows, columns = (
        (start * size <= cells) & (cells < (start + length) * size)  # by the cell's centre
        for start, length, size, cells in zip((top, left), (height, width), grid, _cells(label, grid, 0.5), strict=True)
    )
    return rows.unsqueeze(2) & columns.unsqueeze(1)


_SHAPES = dict(random=_random, hvh=_hvh, hvr=_hvr, cutout=_cutout)
STRATEGIES = (*_SHAPES, 'semantic', 'scattered-semantic')


def _cut(horizontal: Tensor, row: Tensor | int, column: Tensor | int, grid: Grid) -> Tensor:
    """Mark what lies above ``row`` where ``horizontal`` [B, 1], else left of ``column``."""
    rows, columns = _cells(horizontal, grid, 0)
    return torch.where(horizontal.unsqueeze(2), (rows < row).unsqueeze(2), (columns < column).unsqueeze(1))


def _cells(like: Tensor, grid: Grid, offset: float) -> list[Tensor]:
    """Return numbers of the rows [1, h] and of the columns [1, w]."""
    return [(torch.arange(size, device=like.device) + offset).unsqueeze(0) for size in grid]


# ---- classes ----------------------------------------------------------------------------------


def _of_classes(
    label: Tensor,
    grids: Sequence[Grid],
    random: Tensor | None,
    generator: torch.Generator | None,
    num_scattered: int,
    ignore_index: int,
) -> Tensor:
    """Choose half of the classes; with ``random``, the tokens of ``num_scattered`` classes take its bits instead."""
    label = _class_table(ignore_index, label.device)[label.long().clamp(-1, _NUM_IDS)]
    absent = torch.ones(len(label), _NUM_IDS + 1, dtype=torch.bool, device=label.device)
    absent.scatter_(1, label.flatten(1), False)
    tokens = _rasterised(label, grids)
    # The half of p classes, rounded up, has the ranks r with 2r < p.
    first = absent.sum(1, keepdim=True).add(_rank_classes(absent, generator), alpha=2) < absent.shape[1]
    chosen = first.gather(1, tokens)
    if random is None:
        return chosen
    scattered = _rank_classes(absent, generator) < num_scattered
    return torch.where(scattered.gather(1, tokens), random, chosen)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _class_table(ignore_index: int, device: torch.device) -> Tensor:
    """Give each class its own number; the last place, and so −1, is for all that is none."""
    table = torch.arange(_NUM_IDS + 1)
    if 0 <= ignore_index < _NUM_IDS:
        table[ignore_index] = _NUM_IDS
    return table.to(device)


def _rank_classes(absent: Tensor, generator: torch.Generator | None) -> Tensor:
    """Put the classes that are present in a random order, the absent ones behind them: each one's place."""
    return _rank(_uniform(absent, absent.shape[1], generator).add_(absent, alpha=2))


# ---- tokens -----------------------------------------------------------------------------------


def _rasterised(maps: Tensor, grids: Sequence[Grid]) -> Tensor:
    """Take the value at the upper left of each cell of each grid: [B, H, W] → [B, Σ h·w]."""
    index = _upper_left(tuple(maps.shape[-2:]), tuple(map(tuple, grids)), maps.device)
    return maps.flatten(1).index_select(1, index)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _upper_left(size: Grid, grids: tuple[Grid, ...], device: torch.device) -> Tensor:
    """Tell where in a map of ``size`` the cells of the grids begin, moved to the device once."""
    found = []
    for grid in grids:
        rows, columns = (torch.arange(cells) * full // cells for cells, full in zip(grid, size, strict=True))
        found.append((rows.unsqueeze(1) * size[1] + columns).flatten())
    return torch.cat(found).to(device)


def _uniform(like: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Return draws in [0, 1) for every image: [B, count]."""
    return torch.rand(len(like), count, device=like.device, generator=generator)


def _rank(score: Tensor) -> Tensor:
    """Return the place of each entry in ascending order: [B, n]."""
    return score.argsort(1).argsort(1)
