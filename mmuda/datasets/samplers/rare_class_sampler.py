"""Rare-class sampling of the source: DAFormer (Hoyer et al., CVPR 2022), section 3.3.

A class is drawn with P(c) = softmax((1 - f_c) / T), f_c its share of all labelled pixels, then an
image among those that show at least `min_pixels` of it. Unlike the original every draw is a pure
function of (seed, position), so it is the same over ranks and after a resume.
"""

from collections.abc import Sequence

import numpy as np

from mmuda.registry import DATA_SAMPLERS

from ..class_statistics import class_pixels
from ..errors import DataError
from ..seeding import unit_interval
from .domain_sampler import DomainSampler
from .sample_index import SampleIndex
from .stream import Stream


class RareClassRule:
    """The rule alone.

    Args:
        counts: pixels of each class in each image, int [images, classes].
        temperature: T; the smaller, the more often rare classes are drawn.
        min_pixels: what an image must show of a class to be picked for it. A class without such
            an image is never drawn.
        name: what the error calls the data.
    """

    def __init__(
        self, counts: np.ndarray, temperature: float = 0.01, min_pixels: int = 3000, name: str = 'The source'
    ) -> None:
        self.images = [np.flatnonzero(column >= max(min_pixels, 1)) for column in counts.T]
        self.classes = np.array([c for c, images in enumerate(self.images) if len(images)], int)
        if not len(self.classes):
            raise DataError(
                f'{name} has no image with min_pixels={min_pixels} pixels of any class '
                f'(the most is {counts.max(initial=0)}): lower min_pixels.'
            )
        frequency = counts.sum(0) / counts.sum()
        logits = (1 - frequency[self.classes]) / temperature
        weights = np.exp(logits - logits.max())
        self.probability = weights / weights.sum()
        self._cumulative = np.cumsum(self.probability)

    def pick(self, first: float, second: float) -> tuple[int, int]:
        """(class, image) from two numbers in [0, 1)."""
        place = np.searchsorted(self._cumulative, first * self._cumulative[-1], side='right')
        chosen = int(self.classes[min(place, len(self.classes) - 1)])
        images = self.images[chosen]
        return chosen, int(images[int(second * len(images))])


@DATA_SAMPLERS.register_module()
class RareClassSampler(DomainSampler):
    """A `DomainSampler` whose source indices follow DAFormer's rule.

    The index says for which class it was drawn, and `DomainDataset` repeats the crop until it shows
    enough of it.

    Args:
        dataset, ratio, seed, rank, world_size, shuffle: as for `DomainSampler`; the target's order
            is untouched.
        temperature, min_pixels: see `RareClassRule`.
        cache_file: where the class statistics are kept, see `class_pixels`; with several sources
            their numbers are appended.
        nproc: processes that count the pixels at first use.
    """

    def __init__(
        self,
        dataset,
        ratio: Sequence[int] = (1, 1),
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        shuffle: bool = True,
        temperature: float = 0.01,
        min_pixels: int = 3000,
        cache_file: str | None = None,
        nproc: int | None = None,
    ) -> None:
        super().__init__(dataset, ratio, seed, rank, world_size, shuffle)
        files = _cache_files(cache_file, dataset.num_sources)
        counts = [class_pixels(part, path, nproc) for part, path in zip(dataset.datasets, files)]
        pooled = np.concatenate(counts)
        self.rules = {
            stream.number: RareClassRule(
                pooled[stream.offset : stream.offset + stream.size],
                temperature,
                min_pixels,
                'The source' if len(self.streams) < 3 else f'Source {stream.number}',
            )
            for stream in self.streams
            if stream.is_source
        }

    def _draw(self, stream: Stream, position: int, seed: int) -> SampleIndex:
        if not stream.is_source:
            return super()._draw(stream, position, seed)
        place = self.seed, stream.number, position
        chosen, image = self.rules[stream.number].pick(unit_interval(*place, 0), unit_interval(*place, 1))
        return SampleIndex(stream.offset + image, seed=seed, rare_class=chosen)


def _cache_files(cache_file: str | None, num_sources: int) -> list[str | None]:
    if cache_file is None or num_sources == 1:
        return [cache_file] * num_sources
    stem = cache_file[:-4] if cache_file.endswith('.npz') else cache_file
    return [f'{stem}_{i}.npz' for i in range(num_sources)]
