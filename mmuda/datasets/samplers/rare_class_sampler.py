"""Rare-class sampling of the source: DAFormer (Hoyer et al., CVPR 2022), section 3.3.

A class is drawn with P(c) = softmax((1 - f_c) / T), f_c its share of all labelled pixels, then an
image among those that show more than `min_pixels` of it. Unlike the original every draw is a pure
function of (seed, position), so it is the same over ranks and after a resume; and a class of which no image shows
as much is drawn all the same, by a minimum of its own.
"""

import logging
from collections.abc import Sequence

import numpy as np
from mmengine.logging import print_log

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
        min_pixels: an image must show more of a class to be picked for it. Where no image does, half of the most that
            one shows takes its place.

    Attributes:
        minimum: of each class, int [classes].
        images: those that show more than that, of each class; a class without one is never drawn.
    """

    def __init__(self, counts: np.ndarray, temperature: float = 0.01, min_pixels: int = 3000) -> None:
        most = counts.max(0)
        self.minimum = np.where(most > min_pixels, min_pixels, most // 2)
        self.images = [np.flatnonzero(column > least) for column, least in zip(counts.T, self.minimum)]
        self.classes = np.array([c for c, images in enumerate(self.images) if len(images)], int)
        if not len(self.classes):
            raise DataError('No image of a source has a labelled pixel: rare-class sampling has nothing to draw by.')
        frequency = counts.sum(0) / counts.sum()
        logits = (1 - frequency[self.classes]) / temperature
        weights = np.exp(logits - logits.max())
        self.probability = weights / weights.sum()
        self._cumulative = np.cumsum(self.probability)

    def pick(self, first: float, second: float) -> tuple[int, int]:
        """Return (class, image) from two numbers in [0, 1)."""
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
        if temperature <= 0 or min_pixels < 0 or (nproc is not None and nproc < 1):
            raise DataError(
                f'RareClassSampler has temperature={temperature}, min_pixels={min_pixels} and nproc={nproc}: the '
                'temperature is above 0, pixels are 0 or more, processes 1 or more.'
            )
        files = _cache_files(cache_file, dataset.num_sources)
        counts = [class_pixels(part, path, nproc)[:, :-1] for part, path in zip(dataset.datasets, files)]
        pooled = np.concatenate(counts)
        self.rules = {
            stream.number: RareClassRule(pooled[stream.offset : stream.offset + stream.size], temperature, min_pixels)
            for stream in self.streams
            if stream.is_source
        }
        self._tell(dataset.metainfo['classes'], min_pixels)

    def _draw(self, stream: Stream, position: int, seed: int) -> SampleIndex:
        if not stream.is_source:
            return super()._draw(stream, position, seed)
        place = self.seed, stream.number, position
        rule = self.rules[stream.number]
        chosen, image = rule.pick(unit_interval(*place, 0), unit_interval(*place, 1))
        return SampleIndex(stream.offset + image, seed=seed, rare_class=chosen, rare_pixels=int(rule.minimum[chosen]))

    def _tell(self, classes: Sequence[str], min_pixels: int) -> None:
        """Log every class for which `min_pixels` asks too much, or for which nothing can be drawn."""
        for number, rule in self.rules.items():
            shown = {classes[c]: int(rule.minimum[c]) for c in rule.classes}
            lowered = {name: least for name, least in shown.items() if least < min_pixels}
            absent = [name for name in classes if name not in shown]
            source = f'source stream {number}: ' if len(self.rules) > 1 else ''
            if lowered:
                minima = ', '.join(f'{name} ({least})' for name, least in lowered.items())
                print_log(
                    f'RareClassSampler, {source}no image shows more than min_pixels={min_pixels} of some classes, '
                    f'whose minimum is half of the most that one shows: {minima}.',
                    'current',
                )
            if absent:
                print_log(
                    f'RareClassSampler, {source}no image shows {", ".join(absent)}: never drawn.',
                    'current',
                    logging.WARNING,
                )


def _cache_files(cache_file: str | None, num_sources: int) -> list[str | None]:
    if cache_file is None or num_sources == 1:
        return [cache_file] * num_sources
    stem = cache_file[:-4] if cache_file.endswith('.npz') else cache_file
    return [f'{stem}_{i}.npz' for i in range(num_sources)]
