"""Look at every sample of every role, on all cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import Pool

import cv2
import numpy as np
from prettytable import PrettyTable
from rich.progress import track

from mmuda.datasets.class_histogram import ClassHistogram
from mmuda.datasets.class_map import IGNORE
from mmuda.datasets.inspection import Look, color_type, look_at

from .roles import Role

_worker: dict = {}


@dataclass(frozen=True)
class Survey:
    """A role and what its files are.

    Attributes:
        role: The role.
        looks: One for each sample, in the order of the sets.
    """

    role: Role
    looks: tuple[Look, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the role."""
        return self.role.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes; empty where nothing names them."""
        return tuple(self.role.metainfo.get('classes') or ())

    @cached_property
    def readable(self) -> tuple[Look, ...]:
        """Return the samples whose image can be read."""
        return tuple(look for look in self.looks if look.error is None)

    @cached_property
    def pixels(self) -> Counter:
        """Count pixels (segmentation) or images (classification) of each class id; 255 is ignored."""
        return sum((Counter(look.pixels) for look in self.looks), Counter())

    @property
    def color_type(self) -> str:
        """Return the colour type that the images are loaded as."""
        return color_type(self.role.datasets[0])

    @property
    def maps(self) -> bool:
        """Tell whether labels are maps of pixels."""
        return any(look.label_path is not None for look in self.looks)

    @property
    def histogram(self) -> ClassHistogram | None:
        """Return the same by class; None where the set has no labels or no names of classes."""
        if not self.pixels or not self.classes:
            return None
        counts = np.array([self.pixels[number] for number in (*range(len(self.classes)), IGNORE)])
        labelled = sum(bool(look.pixels) for look in self.looks)
        return ClassHistogram(self.classes, counts, labelled, labelled, 'pixel' if self.maps else 'image')


def survey_roles(roles: Sequence[Role], nproc: int | None = None) -> list[Survey]:
    """Open all files.

    Args:
        roles: What :func:`read_roles` found.
        nproc: Processes; None: one per core, at most 16.
    """
    datasets = [dataset for role in roles for dataset in role.datasets]
    places = [(number, index) for number, dataset in enumerate(datasets) for index in range(len(dataset))]
    looks = iter(_looks(datasets, places, min(nproc or min(os.cpu_count() or 1, 16), 1 + len(places) // 64)))
    return [Survey(role, tuple(next(looks) for _ in range(role.size))) for role in roles]


def sizes(survey: Survey) -> str:
    """Return the sizes of a role's images in words."""
    count = Counter(look.size for look in survey.readable)
    if not count:
        return '–'
    if len(count) == 1:
        return '{}×{}'.format(*next(iter(count)))
    (width, height), _ = count.most_common(1)[0]
    widths, heights = zip(*count)
    return f'{min(widths)}–{max(widths)} × {min(heights)}–{max(heights)}, mostly {width}×{height}'


def overview(surveys: Sequence[Survey]) -> PrettyTable:
    """Return a row a role."""
    rows = PrettyTable(['role', 'images', 'labels', 'size', 'classes shown'], align='l')
    for survey in surveys:
        labels = 'maps' if survey.maps else 'classes' if survey.pixels else '–'
        shown = sum(number < len(survey.classes) for number in survey.pixels)
        classes = f'{shown} of {len(survey.classes)}' if survey.pixels else '–'
        rows.add_row([survey.name, f'{len(survey.looks):,}', labels, sizes(survey), classes])
    return rows


def _looks(datasets: list, places: list[tuple[int, int]], nproc: int) -> list[Look]:
    if nproc == 1:
        _start_worker(datasets)
        return list(track(map(_look, places), 'Opening files', len(places)))
    with Pool(nproc, _start_worker, (datasets,)) as pool:
        return list(track(pool.imap(_look, places, chunksize=16), 'Opening files', len(places)))


def _start_worker(datasets: list) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
    _worker['datasets'] = datasets


def _look(place: tuple[int, int]) -> Look:
    number, index = place
    return look_at(_worker['datasets'][number], index)
