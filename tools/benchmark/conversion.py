"""What more processes buy in converting and examining a data set: the same files, one process and several, in turns.

python tools/benchmark/conversion.py --nproc 2

Writes coloured labels of GTA5's size and kind to a temporary folder, and a zip archive of them, and converts both to
train ids; then the data-set doctor opens the coloured files as images, with the train ids as their labels. On a busy
machine the wall clock says little. The last column is what the processor's time makes of it: with one free core a
process, the main process's own time and an equal share of the rest remain.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measuring import table
from mmengine.config import Config
from PIL import Image

from mmuda.apis import ToolParser, at_least, run_tool
from mmuda.apis.doctor import find, read_roles, survey_roles
from mmuda.datasets import CityscapesDataset
from mmuda.datasets.cityscapes_labels import LABELS

sys.path.append(str(Path(__file__).parents[1] / 'dataset_converters'))
import gta
from converting import convert

HEIGHT, WIDTH = 1052, 1914  # of a GTA5 frame


class Spent(NamedTuple):
    """Seconds of one conversion: on the wall, and on the processor by the main process and by all."""

    wall: float
    main: float
    total: float


def write_labels(folder: Path, count: int, seed: int) -> Path:
    """Write palette images of 40 boxes of random classes; return a zip archive of them."""
    rng = np.random.default_rng(seed)
    palette = [channel for label in LABELS for channel in label.colour]
    (folder / 'labels').mkdir()
    for number in range(count):
        ids = np.full((HEIGHT, WIDTH), 23, np.uint8)
        for _ in range(40):
            top, left = rng.integers(0, HEIGHT), rng.integers(0, WIDTH)
            ids[top : top + rng.integers(8, 400), left : left + rng.integers(8, 400)] = rng.integers(7, 34)
        image = Image.fromarray(ids, 'P')
        image.putpalette(palette)
        image.save(folder / 'labels' / f'{number:05d}.png')
    with zipfile.ZipFile(folder / 'labels.zip', 'w') as archive:
        for path in sorted((folder / 'labels').iterdir()):
            archive.write(path, f'labels/{path.name}')
    return folder / 'labels.zip'


def spend(work: Callable[[int], None], nproc: int) -> Spent:
    """Do some work in so many processes."""
    began, before = time.perf_counter(), _processor()
    work(nproc)
    main, children = (now - then for now, then in zip(_processor(), before))
    return Spent(time.perf_counter() - began, main, main + children)


def conversion(source: Path, out: Path) -> Callable[[int], None]:
    """Convert a folder or an archive into an empty folder."""

    def work(nproc: int) -> None:
        shutil.rmtree(out, ignore_errors=True)
        errors = convert(gta.CONVERSION.rules, [str(source)], str(out), nproc)
        assert not errors, errors

    return work


def examination(folder: Path) -> Callable[[int], None]:
    """Let the doctor open what :func:`conversion` read and wrote."""
    labels = next((folder / 'out').rglob('*_labelTrainIds.png')).parent
    part = dict(
        type='mmuda.FolderSegmentation',
        data_prefix=dict(img_path=str(folder / 'labels'), seg_map_path=str(labels)),
        seg_map_suffix='_labelTrainIds.png',
        metainfo=dict(classes=CityscapesDataset.METAINFO['classes']),
    )
    roles = read_roles(Config(dict(train_dataloader=dict(dataset=part))))
    assert not roles[0].error, roles[0].error
    return lambda nproc: find(survey_roles(roles, nproc))


def _processor() -> tuple[float, float]:
    """Return seconds on the processor, of this process and of its children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return tuple(usage.ru_utime + usage.ru_stime for usage in usages)


def rows(name: str, times: dict[int, Sequence[Spent]], count: int) -> list[tuple[str, ...]]:
    """Return medians of each number of processes, and how much faster they are than one."""
    medians = {nproc: Spent(*map(statistics.median, zip(*runs))) for nproc, runs in times.items()}
    one = medians[1]
    return [
        (
            name,
            str(nproc),
            f'{spent.wall:.2f}',
            f'{count / spent.wall:.0f}',
            f'{spent.total:.2f}',
            f'{one.wall / spent.wall:.2f}',
            f'{one.total / (spent.main + (spent.total - spent.main) / nproc):.2f}' if nproc > 1 else '1.00',
        )
        for nproc, spent in medians.items()
    ]


def main() -> None:
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nproc', type=at_least(2), default=max(os.cpu_count() or 2, 2), help='processes')
    parser.add_argument('--files', type=at_least(8), default=400)
    parser.add_argument('--rounds', type=at_least(1), default=3)
    parser.add_argument('--seed', type=at_least(0), default=0)
    args = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        archive = write_labels(Path(folder), args.files, args.seed)
        out = Path(folder) / 'out'
        for name, make in (
            ('convert a folder', lambda: conversion(Path(folder) / 'labels', out)),
            ('convert a zip', lambda: conversion(archive, out)),
            ('doctor', lambda: examination(Path(folder))),
        ):
            work = make()
            times: dict[int, list[Spent]] = {1: [], args.nproc: []}
            for turn in range(args.rounds):
                for nproc in (1, args.nproc) if turn % 2 == 0 else (args.nproc, 1):
                    times[nproc].append(spend(work, nproc))
            found += rows(name, times, args.files)
    header = ('work', 'processes', 's', 'files/s', 'cpu s', 'speed-up', 'on free cores')
    print(f'\n{args.files} labels of {WIDTH}×{HEIGHT}, {args.rounds} rounds, seed {args.seed}')
    print(table(header, found))


if __name__ == '__main__':
    run_tool(main)
