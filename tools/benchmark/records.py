"""What is kept of a run of the benchmark: a small file that outlives its work directory; no command of its own."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmengine.config import Config
from tables import REPO, Run, Table

from mmuda.apis import UserError
from mmuda.apis.run_log import read_log
from mmuda.storage import atomic_write

Counts = dict[str, list[int]]
"""Pixels of intersection and of union, or images that are right and all images, by class."""
COUNTED = ('intersection', 'union'), ('correct', 'images')
"""What of each class is counted, in the names of the metrics of `mmuda`."""
NEEDED = (
    *('table', 'row', 'seed', 'way', 'settings', 'commit', 'checkpoint'),
    *('scores', 'best', 'history', 'seconds_a_step', 'processor_seconds', 'hardware'),
)
"""What every record has; later ones have `weights` and `libraries`, too."""
LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'torchvision', 'timm', 'numpy', 'cv2')
"""Import names of what else a score may depend on."""


def record_path(table: Table, run: Run) -> Path:
    """Tell where the record of a run stands."""
    return table.path.parent / 'records' / table.path.stem / f'{run.name}.json'


def write_record(table: Table, run: Run, record: Mapping) -> None:
    """Keep a record, whole."""
    path = record_path(table, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, record)


def claim_work_dir(table: Table, run: Run, work_dir: Path) -> None:
    """Note the settings of a run in its work directory, so that none goes on with what others have begun.

    Raises:
        UserError: The directory is that of a run with other settings.
    """
    path, settings = work_dir / 'settings.json', _as_read(table.settings(run))
    if path.is_file():
        if _read(path, 'remove the folder') != settings:
            raise UserError(f'{work_dir} holds a run with other settings than {table.path} has: remove it')
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    _write(path, settings)


def note_commit(work_dir: Path, now: str) -> str:
    """Note in a work directory that a run is made, or gone on with, at a commit; return all that it was made at."""
    path = work_dir / 'commits.json'
    commits = _read(path, 'remove the folder') if path.is_file() else []
    if now not in commits:
        commits.append(now)
        _write(path, commits)
    return ', '.join(commits)


def read_record(table: Table, run: Run) -> dict | None:
    """Return the record of a run; None if it has none.

    Raises:
        UserError: It is broken, that of another run, or was made with other settings than the table has by now.
    """
    path = record_path(table, run)
    if not path.is_file():
        return None
    record = _read(path, 'get it back from git, or remove it and run its row again')
    missing = [key for key in NEEDED if key not in record] if isinstance(record, dict) else NEEDED
    if missing:
        raise UserError(f'{path} is no whole record, it has no {", ".join(missing)}: remove it, and run its row again')
    if [record[key] for key in ('table', 'row', 'seed', 'way')] != [table.path.stem, run.row, run.seed, run.way]:
        raise UserError(
            f"{path} is the record of '{record['row']}', seed {record['seed']}, way {record['way']} of the table "
            f'{record["table"]}: remove it'
        )
    if record['settings'] != _as_read(table.settings(run)):
        raise UserError(f'{path} was made with other settings than {table.path} has: remove it, and run its row again')
    return record


def check_records(table: Table) -> None:
    """Refuse files among a table's records that are of none of its runs.

    Raises:
        UserError: There is one.
    """
    known = {record_path(table, run) for run in table.runs()}
    for path in sorted((table.path.parent / 'records' / table.path.stem).glob('*.json')):
        if path not in known:
            raise UserError(f'{path} is of no run that {table.path} has: give the table its row and seed, or remove it')


def _as_read(settings: dict) -> dict:
    return json.loads(json.dumps(settings))


def _read(path: Path, remedy: str) -> Any:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise UserError(f'{path} is no JSON ({error}): {remedy}') from error


def _write(path: Path, content: Any) -> None:
    with atomic_write(path, 'w') as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False) + '\n')


def counts_of(scores: Mapping) -> Counts:
    """Return both numbers of each class among the scores of an evaluation."""
    return {
        key.removeprefix(f'{part}.'): [int(scores[key]), int(scores[f'{whole}.{key.removeprefix(f"{part}.")}'])]
        for part, whole in COUNTED
        for key in scores
        if key.startswith(f'{part}.')
    }


def pooled(counts: Iterable[Counts]) -> Counts:
    """Pool the counts of several evaluations."""
    total: Counts = {}
    for part in counts:
        for name, (intersection, union) in part.items():
            have = total.get(name, [0, 0])
            total[name] = [have[0] + intersection, have[1] + union]
    return total


def score(counts: Counts, task: str = 'segmentation') -> dict[str, float]:
    """Return the score of a task in %, then that of each class that occurs.

    IoU of each class after their mean, `mIoU`; or `accuracy`, that of each class after their mean, `mean of classes`.
    """
    by_class = {name: 100 * part / whole for name, (part, whole) in counts.items() if whole}
    mean = sum(by_class.values()) / len(by_class)
    if task == 'segmentation':
        return dict(mIoU=mean, **by_class)
    right, images = (sum(numbers) for numbers in zip(*counts.values()))
    return {'accuracy': 100 * right / images, 'mean of classes': mean, **by_class}


def history(work_dir: Path, metric: str = 'mIoU') -> list[dict]:
    """Return each validation of a training on the main set: its step, the student's counts, the teacher's score."""
    rows = [row for row in read_log(work_dir) if metric in row and 'loss' not in row]
    return [dict(step=row['step'], counts=counts_of(row), teacher=row.get(f'teacher/{metric}')) for row in rows]


def seconds_a_step(work_dir: Path) -> float:
    """Return the median over the log."""
    return round(median(row['time'] for row in read_log(work_dir) if 'loss' in row), 3)


def hardware() -> dict:
    """Return what a run was made on."""
    return dict(
        cpu=_processor(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        torch=torch.__version__,
        python=platform.python_version(),
    )


def libraries() -> dict[str, str]:
    """Return distribution and version of the libraries that are installed, by import name."""
    found = importlib.metadata.packages_distributions()
    return {
        name: f'{found[name][0]} {importlib.metadata.version(found[name][0])}' for name in LIBRARIES if name in found
    }


def weights(cfg: Config) -> dict[str, str]:
    """Return the files of weights that a run starts from, by their place in its config.

    `load_from` is the last checkpoint of the row's start: the `checkpoint` of that one's record, if it was not trained
    anew since.
    """
    return {place: named(Path(file)) for place, file in _files(dict(load_from=cfg.get('load_from'), model=cfg.model))}


def _files(node: Any, place: str = '') -> Iterator[tuple[str, str]]:
    """Yield the places and paths of local files of weights."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in items:
        if key in ('load_from', 'checkpoint', 'file') and isinstance(value, str) and Path(value).is_file():
            yield f'{place}{key}', value
        yield from _files(value, f'{place}{key}.')


def named(path: Path) -> str:
    """Return a file's name and the beginning of the sum of its bytes."""
    return f'{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}'


def _processor() -> str:
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor()


def commit() -> str:
    """Return the commit of the working tree, and whether its code, of which no record is a part, has changed since."""
    code = ('mmuda', 'configs', 'tools', ':(exclude)configs/benchmark/records')
    changed = _git('status', '--porcelain', '--untracked-files=normal', '--', *code)
    return _git('rev-parse', '--short=12', 'HEAD') + (' with changes' if changed else '')


def _git(*words: str) -> str:
    command = ['git', '--no-optional-locks', '-C', str(REPO), *words]  # who commits meanwhile is not in the way
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f'git {words[0]} failed in {REPO} ({done.stderr.strip()}): a record names its commit')
    return done.stdout.strip()
