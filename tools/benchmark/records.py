"""What is kept of a run of the benchmark: a small file that outlives its work directory; no command of its own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

import torch
from tables import REPO, Run, Table

from mmuda.apis import UserError
from mmuda.apis.run_log import read_log
from mmuda.storage import atomic_write

Counts = dict[str, list[int]]
"""Pixels of intersection and of union, or images that are right and all images, by class."""
COUNTED = ('intersection', 'union'), ('correct', 'images')
"""What of each class is counted, in the names of the metrics of `mmuda`."""


def record_path(table: Table, run: Run) -> Path:
    """Tell where the record of a run stands."""
    return table.path.parent / 'records' / table.path.stem / f'{run.name}.json'


def write_record(table: Table, run: Run, record: Mapping) -> None:
    """Keep a record, whole."""
    path = record_path(table, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, 'w') as file:
        file.write(json.dumps(record, indent=1, sort_keys=False, ensure_ascii=False) + '\n')


def claim_work_dir(table: Table, run: Run, work_dir: Path) -> None:
    """Note the settings of a run in its work directory, so that none goes on with what others have begun.

    Raises:
        UserError: The directory is that of a run with other settings.
    """
    path, settings = work_dir / 'settings.json', json.loads(json.dumps(table.settings(run)))
    if path.is_file():
        if json.loads(path.read_text()) != settings:
            raise UserError(f'{work_dir} holds a run with other settings than {table.path} has: remove it')
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, 'w') as file:
        file.write(json.dumps(settings, indent=1) + '\n')


def read_record(table: Table, run: Run) -> dict | None:
    """Return the record of a run; None if it has none.

    Raises:
        UserError: It was made with other settings than the table has by now.
    """
    path = record_path(table, run)
    if not path.is_file():
        return None
    record = json.loads(path.read_text())
    if record['settings'] != json.loads(json.dumps(table.settings(run))):
        raise UserError(f'{path} was made with other settings than {table.path} has: remove it, and run its row again')
    return record


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


def _processor() -> str:
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor()


def commit() -> str:
    """Return the commit of the working tree, and whether its code, of which no record is a part, has changed since."""
    code = ('mmuda', 'configs', 'tools', ':(exclude)configs/benchmark/records')
    changed = _git('status', '--porcelain', '--untracked-files=no', '--', *code)
    return _git('rev-parse', '--short=12', 'HEAD') + (' with changes' if changed else '')


def _git(*words: str) -> str:
    done = subprocess.run(['git', '-C', str(REPO), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f'git {words[0]} failed in {REPO} ({done.stderr.strip()}): a record names its commit')
    return done.stdout.strip()
