"""One endless stream of indices, addressed by position: a fresh permutation for every epoch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import DataError


@dataclass
class Stream:
    """The part of a `DomainDataset` that one entry of the sampler's ratio draws from.

    Args:
        number: which stream this is; part of its permutations' seeds.
        offset: first index of the stream in the data set.
        size: how many indices it has.
        share: how many of them a unit takes.
        is_source: whether its samples carry labels.
    """

    number: int
    offset: int
    size: int
    share: int
    is_source: bool
    _cached: tuple[tuple | None, np.ndarray | None] = field(default=(None, None), repr=False)

    def at(self, position: int, seed: int, shuffle: bool = True) -> int:
        """Return the data-set index at a position of the stream; any position costs the same."""
        epoch, within = divmod(position, self.size)
        if shuffle:
            within = int(self._permutation(seed, epoch)[within])
        return self.offset + within

    def _permutation(self, seed: int, epoch: int) -> np.ndarray:
        key = (seed, epoch)
        if self._cached[0] != key:
            generator = np.random.default_rng([seed, self.number, epoch])
            self._cached = key, generator.permutation(self.size)
        return self._cached[1]


def build_streams(
    sizes: Sequence[int], num_sources: int, ratio: Sequence[int], names: Sequence[str] | None = None
) -> list[Stream]:
    """Cut a `DomainDataset` into streams: all sources pooled or each its own, then the target.

    Args:
        sizes: length of each data set, sources first, then the target if there is one.
        num_sources: how many of them are sources.
        ratio: one entry per source or one for all of them, then one for the target; without a
            target its entry may be left out.
        names: what the error about an empty data set calls them.
    """
    names = names or [f'data set {i}' for i in range(len(sizes))]
    for name, size in zip(names, sizes):
        if size == 0:
            raise DataError(
                f'{name} is empty: nothing can be drawn from it; check its folder, its list file and its `indices`.'
            )
    groups = _group(sizes, num_sources, ratio)
    shares = _check_shares(ratio)[: len(groups)]
    has_target = len(sizes) > num_sources
    streams, offset = [], 0
    for number, (size, share) in enumerate(zip(groups, shares)):
        is_source = not (has_target and number == len(groups) - 1)
        streams.append(Stream(number, offset, size, share, is_source))
        offset += size
    return streams


def _check_shares(ratio: Sequence[int]) -> tuple[int, ...]:
    if any(isinstance(r, bool) or int(r) != r or r < 1 for r in ratio):
        raise DataError(
            f'ratio={tuple(ratio)} has an entry that is no positive whole number: '
            'give the number of samples of each stream in a unit, such as (1, 1).'
        )
    return tuple(int(r) for r in ratio)


def _group(sizes: Sequence[int], num_sources: int, ratio: Sequence[int]) -> list[int]:
    """Return sizes of the streams that the ratio's length asks for."""
    sources, target = list(sizes[:num_sources]), list(sizes[num_sources:])
    if len(ratio) == num_sources + len(target):
        return sources + target
    if len(ratio) == 1 + len(target):
        return [sum(sources), *target]
    if not target and len(ratio) in (2, num_sources + 1):
        return [sum(sources)] if len(ratio) == 2 else sources
    raise DataError(
        f'ratio={tuple(ratio)} has {len(ratio)} entries for {num_sources} source(s) and '
        f'{len(target)} target(s): give one entry for all sources together, or one for each, '
        'and one for the target.'
    )
