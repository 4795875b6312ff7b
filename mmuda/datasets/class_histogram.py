"""How often each class stands in the labels of data sets, and what is wrong with that for a training or a score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .checks import innermost
from .class_images import ClassImages
from .class_statistics import sampled_class_pixels

ALMOST_NONE = 1e-4
"""Share of all labelled pixels below which a class is hardly learned."""
MOSTLY_IGNORED = 0.5
CHECK = 'check `class_map`, `reduce_zero_label` and the labels'


class Problem(NamedTuple):
    """Level and remedy of something wrong: `error` where nothing can be learned or scored, else `warning` or `note`."""

    level: str
    text: str


@dataclass(frozen=True)
class ClassHistogram:
    """Pixels, or images, of each class.

    Args:
        classes: names.
        counts: int64 [classes + 1]; the last is what is ignored.
        seen: how many label maps, or images, were counted.
        total: how many there are.
        unit: what was counted, `pixel` or `image`.
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    seen: int
    total: int
    unit: str = 'pixel'

    def __add__(self, other: ClassHistogram) -> ClassHistogram:
        """Add the counts of two data sets with the same classes."""
        sums = self.counts + other.counts, self.seen + other.seen, self.total + other.total
        return ClassHistogram(self.classes, *sums, self.unit)

    def __str__(self) -> str:
        """Say what was counted, as `road 61.2 %, car 0.04 %, sky 0 %; ignored 3.1 %, in 200 of 2975 label maps`."""
        labelled, ignored = self.counts[:-1], self.counts[-1]
        shares = [f'{name} {_percent(x, labelled.sum())}' for name, x in zip(self.classes, labelled)]
        ignored = f'; ignored {_percent(ignored, self.counts.sum())}' if self.unit == 'pixel' else ''
        return f'{", ".join(shares)}{ignored}, in {self.place}'

    @property
    def place(self) -> str:
        """Name of what was counted, in words."""
        noun = 'label map' if self.unit == 'pixel' else 'image'
        if self.total == 1:
            return f'the only {noun}'
        return f'{self.seen} of {self.total} {noun}s' if self.seen < self.total else f'all {self.total} {noun}s'

    def absent(self) -> list[str]:
        """Return the classes that nothing shows."""
        return [name for name, count in zip(self.classes, self.counts) if not count]

    def problems(self, is_source: bool) -> Iterator[Problem]:
        """Find what a training on these labels, or a score by them, would suffer from.

        Args:
            is_source: whether they are trained on; else they are scored by.
        """
        labelled, ignored = int(self.counts[:-1].sum()), int(self.counts[-1])
        absent = self.absent()
        if is_source and len(self.classes) == 1:
            yield Problem(
                'error', f"'{self.classes[0]}' is the only class, with nothing to tell it from: name two or more"
            )
        if not labelled:
            yield Problem(
                'error' if self.seen == self.total else 'warning',
                f'every {self.unit} is ignored in {self.place}: {CHECK}',
            )
        elif len(absent) == len(self.classes) - 1 and absent and self.unit == 'pixel':
            yield self._one_class(absent, ignored, is_source)
        elif absent:
            yield Problem(
                'warning' if is_source else 'note',
                f'no {self.unit} shows {_listed(absent)} in {self.place}: ' + _advice(absent, is_source),
            )
        if labelled and ignored > MOSTLY_IGNORED * (labelled + ignored):
            share = _percent(ignored, labelled + ignored)
            yield Problem(
                'warning', f'{share} of all pixels in {self.place} are ignored: check that `class_map` names all ids'
            )
        rare = [name for name, x in zip(self.classes, self.counts) if 0 < x < ALMOST_NONE * labelled]
        if rare and is_source:
            remedy = f"draw {_it(rare)} more often with sampler=dict(type='mmuda.RareClassSampler')"
            yield Problem(
                'warning',
                f'less than {100 * ALMOST_NONE:g} % of the labelled {self.unit}s show {_listed(rare)}'
                + f': {remedy}' * (self.unit == 'pixel'),
            )

    def _one_class(self, absent: list[str], ignored: int, is_source: bool) -> Problem:
        """Binary masks whose 255 is taken for "ignored", or labels of another class map."""
        only = next(name for name in self.classes if name not in absent)
        masks = only == self.classes[0] and bool(ignored)
        remedy = mask_remedy(only, absent[0] if len(absent) == 1 else 'NAME', 255) if masks else CHECK
        if masks and len(absent) > 1:  # or labels of another kind
            remedy = f'if these are masks, {remedy}; else {CHECK}'
        level = 'error' if self.seen == self.total and (is_source or (masks and len(absent) == 1)) else 'warning'
        shown = 'shows' if self.total == 1 else 'show'
        return Problem(level, f"'{only}' is the only class that {self.place} {shown}, of {len(self.classes)}: {remedy}")


def mask_remedy(background: str, foreground: str, value: int) -> str:
    """Return the remedy for masks of two values, 0 and another one.

    Args:
        background: name of the class of 0.
        foreground: that of the other value.
        value: the other value.
    """
    ignores = "255 means 'ignore', " if value == 255 else ''
    return (
        f"{ignores}masks of 0 and {value} need class_map=dict(classes=['{background}', '{foreground}'], "
        f"map={{'0': '{background}', '{value}': '{foreground}'}})"
    )


def class_histogram(datasets: Sequence, sample: int = 200) -> ClassHistogram | None:
    """Count the labels of data sets that have one class list.

    Args:
        datasets: sets of ours, mmseg's or mmpretrain's, also inside mmengine's wrappers.
        sample: how many label maps of each set are read at most, evenly spaced; all count where
            :func:`.class_statistics.class_pixels` has kept their numbers. Classes of images are all counted: no file
            is opened.

    Returns:
        None where a set has no labels or no class list.
    """
    parts = [part for dataset in datasets for part in innermost(dataset)]
    found = [_of_one(part, sample) for part in parts]
    if not found or None in found or len({histogram.classes for histogram in found}) > 1:
        return None
    return sum(found[1:], start=found[0])


def _of_one(dataset, sample: int) -> ClassHistogram | None:
    classes = tuple(getattr(dataset, 'metainfo', {}).get('classes') or ())
    if not classes or not len(dataset) or not hasattr(dataset, 'get_data_info'):
        return None
    if isinstance(dataset, ClassImages):
        return _of_images(dataset, classes) if dataset.labelled else None
    if 'seg_map_path' not in dataset.get_data_info(0):
        return None
    pixels = sampled_class_pixels(dataset, sample)
    return ClassHistogram(classes, pixels.sum(0), len(pixels), len(dataset))


def _of_images(dataset: ClassImages, classes: tuple[str, ...]) -> ClassHistogram:
    numbers = np.array(dataset.class_numbers())
    counts = np.append(np.bincount(numbers, minlength=len(classes))[: len(classes)], 0)
    return ClassHistogram(classes, counts, len(dataset), len(dataset), 'image')


def _it(names: Sequence[str]) -> str:
    return 'it' if len(names) == 1 else 'them'


def _advice(absent: Sequence[str], is_source: bool) -> str:
    if is_source:
        return ('it' if len(absent) == 1 else 'they') + ' cannot be learned'
    one = 'it counts in no mean unless it is predicted'
    return one if len(absent) == 1 else 'they count in no mean unless they are predicted'


def _percent(part: int, whole: int) -> str:
    share = 100 * part / max(int(whole), 1)
    return f'{share:.2g} %' if share < 10 else f'{share:.0f} %'


def _listed(names: Sequence[str]) -> str:
    shown = ', '.join(f"'{name}'" for name in names[:5])
    return shown + (f' and {len(names) - 5} more' if len(names) > 5 else '')
