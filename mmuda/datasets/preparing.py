"""Prepare the files of data sets, in several processes: `tools/prepare_data.py`."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress

from mmuda.storage import remove_leftovers

from .errors import DataError
from .filling import filling
from .prepared import PreparedSet
from .prepared_files import PreparedFiles, Size, State

LOOKED_AT = 5
"""Images of each set from which its size is reckoned."""


class Amount(NamedTuple):
    """Images of a set, and bytes of its prepared files, reckoned from a few."""

    images: int
    bytes: int


class Made(NamedTuple):
    """Pixels of a prepared file, where it goes, and the original with its height, width and state."""

    files: PreparedFiles
    original: str
    pixels: np.ndarray
    size: Size
    state: State


def amount(prepared: PreparedSet) -> Amount:
    """Reckon the size of a prepared set; what cannot be read is named when its turn comes."""
    count, sizes = len(prepared.dataset), []
    for row in np.unique(np.linspace(0, count - 1, LOOKED_AT).round().astype(int)).tolist():
        with contextlib.suppress(DataError):
            sizes.append(sum(made.pixels.nbytes for made in _made(prepared, row)))
    return Amount(count, int(np.mean(sizes or 0) * count))


def check_space(folder: str, sets: Sequence[PreparedSet], needed: int) -> None:
    """Refuse to begin what the disk cannot hold; files of an earlier call count as done.

    Raises:
        DataError: The disk is too small.
    """
    there = os.path.abspath(folder)
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    missing = sum(not os.path.isfile(files.path(path)) for one in sets for files, path in _originals(one))
    total = sum(1 for one in sets for _ in _originals(one))
    needed, free = needed * missing // max(total, 1), shutil.disk_usage(there).free
    if needed > free:
        raise DataError(
            f"The prepared files need about {needed / 1e9:.1f} GB, and the disk of '{folder}' has {free / 1e9:.1f} GB "
            'left: give another one to --out.'
        )


def prepare(sets: Sequence[PreparedSet], nproc: int = 1) -> list[str]:
    """Make every prepared file that is not there yet; return a sentence for each sample that fails.

    Raises:
        DataError: A folder has been prepared by other settings, or another run fills it.
    """
    every = [files for one in sets for files in one.files]
    with filling(files.folder for files in every):
        for files in every:
            files.check_free()
        for files in every:
            files.claim()
            for folder, _, _ in os.walk(files.folder):
                remove_leftovers(folder)
        return _make_all(sets, nproc)


def _make_all(sets: Sequence[PreparedSet], nproc: int) -> list[str]:
    tasks = [(number, row) for number, one in enumerate(sets) for row in range(len(one.dataset))]
    if nproc > 1 and len(tasks) > 1:
        errors = track_parallel_progress(
            _prepare, tasks, min(nproc, len(tasks)), initializer=_start, initargs=(sets,), chunksize=4
        )
    else:
        _start(sets)
        errors = track_progress(_prepare, tasks)
    print()
    return [error for error in errors if error]


_worker: dict = {}


def _start(sets: Sequence[PreparedSet]) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
    _worker.update(sets=sets)


def _prepare(task: tuple[int, int]) -> str | None:
    """Write what is missing of a sample; return a sentence when that fails."""
    number, row = task
    prepared = _worker['sets'][number]
    try:
        info = prepared.dataset.get_data_info(row)
        kept = [files.keep(original) for files, original, _ in prepared.places(info)]
        if all(kept):
            return None
        for made in _made(prepared, row):
            if not made.files.holds(made.original):
                made.files.write(made.original, made.pixels, made.size, made.state)
    except DataError as error:
        return str(error)
    except OSError as error:
        return f"'{error.filename}' cannot be written ({error.strerror or error})"
    return None


def _made(prepared: PreparedSet, row: int) -> Iterator[Made]:
    """Yield all files of a sample."""
    info = prepared.dataset.get_data_info(row)
    places = [(*place, State.of(place[1])) for place in prepared.places(info)]  # before anything is loaded
    results = prepared.steps(dict(info))
    for files, original, key, state in places:
        yield Made(files, original, results[key], results['ori_shape'], state)


def _originals(prepared: PreparedSet) -> Iterator[tuple[PreparedFiles, str]]:
    """Yield all files of a set, and where they go."""
    for row in range(len(prepared.dataset)):
        for files, original, _ in prepared.places(prepared.dataset.get_data_info(row)):
            yield files, original
