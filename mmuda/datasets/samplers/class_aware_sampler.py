"""Sampling both domains class by class, for alignment within classes: CAN (CVPR 2019), which ACDA's code builds on.

A unit shows some classes, each by source images of it and by target images that clustering took to be of it. CAN has a
second source batch, without regard to classes, for its cross-entropy, which then sees classes that no target image was
taken for: `extra_source`. Without it one source batch serves both.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mmuda.registry import DATA_SAMPLERS

from ..errors import DataError
from ..image_classes import image_classes
from ..seeding import mix64
from .domain_sampler import DomainSampler
from .sample_index import SampleIndex
from .stream import Stream


@DATA_SAMPLERS.register_module()
class ClassAwareSampler(DomainSampler):
    """A `DomainSampler` until it is told the target's classes; `mmuda.ACDAHook` does.

    From then on the classes that can be drawn go round in random order, a permutation a round. In its k-th turn a class
    takes the next images of its own streams, source and target, so all its images come before one comes again. Where
    there are fewer such classes than a unit shows, some come twice in it. The n-th source image of a unit and the n-th
    target image have the same class wherever a class has as many of both.

    Everything is a function of (seed, unit, labels): ranks and resumes change nothing.

    Args:
        dataset: a `DomainDataset` whose sources have one label an image, and which has a target.
        ratio: source images, all sources pooled, and target images of a unit.
        per_class: source images of a class in a unit, which has `(ratio[0] − extra_source) / per_class`
            classes.
        extra_source: source images of a unit that are drawn from all classes, before those by class.
        kwargs: as for `DomainSampler`; `len()` counts as there.
    """

    def __init__(
        self, dataset, ratio: Sequence[int] = (30, 30), per_class: int = 3, extra_source: int = 0, **kwargs
    ) -> None:
        super().__init__(dataset, ratio, **kwargs)
        if len(self.streams) != 2 or self.streams[1].is_source:
            raise DataError(
                f'ClassAwareSampler draws from all sources together and from a target, but ratio={tuple(ratio)} on '
                f'{len(dataset.sizes)} data sets makes {len(self.streams)} streams: give a target, and a ratio of two '
                'entries.'
            )
        self.extra_source = extra_source
        self.per_class = self._shares(per_class)
        self.classes_per_unit = (self.streams[0].share - extra_source) // self.per_class[0]
        sources = dataset.num_sources
        classes = getattr(dataset, 'metainfo', {}).get('classes')
        self.source_label = image_classes(
            dataset.datasets[:sources], self.names[:sources], None if classes is None else len(classes)
        )
        self.classes = tuple(range(self.source_label.max() + 1) if classes is None else classes)
        self.eligible: list[int] | None = None

    def set_labels(self, label: Sequence[int], min_per_class: int = 1) -> None:
        """Draw by classes from now on; an iterator that has started follows with its next unit.

        Args:
            label: of each target image its class, or a negative number: the image is not drawn.
            min_per_class: with fewer target images than this a class is not drawn.
        """
        label = np.asarray(label, int)
        self._check_labels(label)
        parts = self.source_label, label
        counts = [np.bincount(part[part >= 0], minlength=len(self.classes)) for part in parts]
        eligible = np.flatnonzero((counts[0] > 0) & (counts[1] >= max(min_per_class, 1))).tolist()
        if not eligible:
            raise DataError(
                f'No class has a source image and {max(min_per_class, 1)} target images with its label: '
                f'{(label >= 0).sum()} of {len(label)} images have one, and the most of a class is {counts[1].max()}. '
                'Raise `distance` or lower `min_per_class` of mmuda.ACDAHook, or train longer before it clusters.'
            )
        self._images = {c: [np.flatnonzero(part == c) for part in parts] for c in eligible}
        self._turns = Stream(2, 0, len(eligible), self.classes_per_unit, is_source=False)
        self._streams_of = {
            c: [Stream(3 + 2 * c + i, 0, len(self._images[c][i]), self.per_class[i], i == 0) for i in (0, 1)]
            for c in eligible
        }
        self.eligible = eligible

    def _unit(self, unit: int) -> Iterator[SampleIndex]:
        if self.eligible is None:
            yield from super()._unit(unit)
            return
        number = unit * self.unit_size
        source = self.streams[0]
        for k in range(unit * self.extra_source, (unit + 1) * self.extra_source):
            yield self._draw(source, k, mix64(self.seed, number))
            number += 1
        turns = range(unit * self.classes_per_unit, (unit + 1) * self.classes_per_unit)
        for domain, stream in enumerate(self.streams):
            for turn in turns:
                for index, label in self._turn(domain, turn):
                    pseudo_label = None if stream.is_source else label
                    yield SampleIndex(stream.offset + index, seed=mix64(self.seed, number), pseudo_label=pseudo_label)
                    number += 1

    def _turn(self, domain: int, turn: int) -> Iterator[tuple[int, int]]:
        """Yield (index within its domain, class) of a class's images in the `turn`-th turn of the run."""
        label = self.eligible[self._turns.at(turn, self.seed, self.shuffle)]
        before = turn // len(self.eligible) * self.per_class[domain]
        stream = self._streams_of[label][domain]
        for position in range(before, before + self.per_class[domain]):
            yield int(self._images[label][domain][stream.at(position, self.seed, self.shuffle)]), label

    def _shares(self, per_class: int) -> tuple[int, int]:
        """Return the numbers of source and target images of a class in a unit."""
        every, target = (stream.share for stream in self.streams)
        source = every - self.extra_source
        whole = per_class > 0 and 0 <= self.extra_source < every and source % per_class == 0
        if not whole or target % (source // per_class):
            raise DataError(
                f'ratio={(every, target)} does not show whole classes of per_class={per_class} source images beside '
                f'extra_source={self.extra_source}: make what its first entry leaves for classes a multiple of '
                'per_class, and its second entry one of how many classes that are.'
            )
        return per_class, target // (source // per_class)

    def _check_labels(self, label: np.ndarray) -> None:
        target = self.streams[1].size
        if label.shape != (target,):
            raise DataError(
                f'ClassAwareSampler got labels of shape {list(label.shape)} for {target} target images: give one each.'
            )
        if label.max() >= len(self.classes):
            raise DataError(
                f'A target image has the label {label.max()}, but there are {len(self.classes)} classes, counted '
                'from 0: cluster from the centres of these.'
            )
