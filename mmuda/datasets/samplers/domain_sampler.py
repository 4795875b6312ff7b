"""An endless, rank-aware, resumable sampler that interleaves source and target by a fixed ratio.

Everything it yields is a pure function of (seed, global sample number), so neither the number of
processes nor a resume changes what is drawn. Legend: a *unit* is `ratio[0]` source indices followed
by `ratio[1]` target indices; rank r of W takes units r, r + W, r + 2W, ...
"""

import math
from collections.abc import Iterator, Sequence

from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmuda.registry import DATA_SAMPLERS

from ..errors import DataError
from ..seeding import mix64
from .sample_index import SampleIndex
from .stream import Stream, build_streams


@DATA_SAMPLERS.register_module()
class DomainSampler(Sampler):
    """Yield `SampleIndex`es of a `DomainDataset` without end, source first in every unit.

    With W ranks whose batches are k units, the ranks' n-th batches together are the n-th batch of
    one process with batches of k·W units.

    Args:
        dataset: a `DomainDataset` (anything with `sizes` and `num_sources`).
        ratio: samples of each stream in a unit. Two entries: all sources pooled, then the target;
            or one entry per source, then the target. Without a target its entry is not used.
        seed: of the permutations and of the samples. None: one random number, equal on all ranks.
            The attribute may be set again before an iteration starts (a resume does).
        rank, world_size: this process and how many there are. None: from the process group.
        shuffle: False goes through every data set in order.
        epoch: what `len()` counts. `all`: samples until every data set has been seen in full. `source`: the whole units
            that the smallest source has images for, as loaders of several sources count that stop when one runs out.
    """

    def __init__(
        self,
        dataset,
        ratio: Sequence[int] = (1, 1),
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        shuffle: bool = True,
        epoch: str = 'all',
    ) -> None:
        if epoch not in ('all', 'source'):
            raise ValueError(f"DomainSampler has epoch={epoch!r}: use 'all' or 'source'.")
        if seed is not None and seed < 0:
            raise ValueError(f'DomainSampler has seed={seed}: give 0 or more.')
        here, everyone = get_dist_info()
        self.rank = here if rank is None else rank
        self.world_size = everyone if world_size is None else world_size
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f'rank {self.rank} is not one of {self.world_size} ranks.')
        self.seed = sync_random_seed() if seed is None else int(seed)
        self.shuffle = shuffle
        self.epoch = epoch
        self.names = getattr(dataset, 'names', None) or [f'data set {i}' for i in range(len(dataset.sizes))]
        self.streams = build_streams(dataset.sizes, dataset.num_sources, ratio, self.names)
        self.unit_size = sum(stream.share for stream in self.streams)
        self._position = 0

    def set_position(self, num_samples: int) -> None:
        """Let iterations start where this rank has already taken `num_samples` samples."""
        if num_samples < 0:
            raise ValueError(f'the sampler cannot start at sample {num_samples}.')
        self._position = int(num_samples)

    def every_sample(self, draw: int) -> list[SampleIndex]:
        """Return each image of the data set once, in its order, with a seed for the `draw`-th time that all are looked
        at.
        """
        total = sum(stream.size for stream in self.streams)
        return [SampleIndex(index, seed=mix64(self.seed, draw, index)) for index in range(total)]

    def check_batch(self, batch_size: int) -> None:
        """Refuse a target with fewer images than a batch takes of it: they would be in it twice.

        A source may be as small as the labelled part of a semi-supervised data set.
        """
        for stream in self.streams:
            taken = batch_size // self.unit_size * stream.share
            if not stream.is_source and stream.size < taken:
                raise DataError(
                    f'{self.names[-1]} has {stream.size} images, but a batch of {batch_size} takes {taken} of them: '
                    "lower batch_size, or the last entry of the sampler's ratio."
                )

    def __iter__(self) -> Iterator[SampleIndex]:
        turn, skip = divmod(self._position, self.unit_size)
        unit = self.rank + turn * self.world_size
        while True:
            for slot, index in enumerate(self._unit(unit)):
                if slot >= skip:
                    yield index
            unit, skip = unit + self.world_size, 0

    def _unit(self, unit: int) -> Iterator[SampleIndex]:
        number = unit * self.unit_size
        for stream in self.streams:
            for k in range(unit * stream.share, (unit + 1) * stream.share):
                yield self._draw(stream, k, mix64(self.seed, number))
                number += 1

    def _draw(self, stream: Stream, position: int, seed: int) -> SampleIndex:
        return SampleIndex(stream.at(position, self.seed, self.shuffle), seed=seed)

    def __len__(self) -> int:
        """Return samples this rank takes in one epoch."""
        if self.epoch == 'source':
            units = min(stream.size // stream.share for stream in self.streams if stream.is_source)
            return units // self.world_size * self.unit_size
        units = max(math.ceil(stream.size / stream.share) for stream in self.streams)
        return math.ceil(units / self.world_size) * self.unit_size
