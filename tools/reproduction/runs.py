"""The runs behind a table: their commands, and what is kept of them. No command of its own.

A run is `tools/train.py` in a process of its own, which goes on after an interruption. When it has ended, its last
validation is kept in `record.json` of its work directory with the leaf and the options that it was made with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuda.apis.errors import UserError
from mmuda.apis.run_log import read_log
from mmuda.storage import atomic_write

from .tables import CONFIGS, Line

TRAIN = Path(__file__).resolve().parents[1] / 'train.py'
POLL = 0.2  # seconds between two looks at the running processes


@dataclass(frozen=True)
class Run:
    """A line of a table with a seed.

    Attributes:
        line: What is trained.
        seed: Of its random numbers.
        folder: Its work directory.
        more: Further words of `--cfg-options`.
    """

    line: Line
    seed: int
    folder: Path
    more: tuple[str, ...] = ()

    @property
    def settings(self) -> dict:
        """What its record was made with."""
        words = [*self.line.words, *self.more]
        return dict(leaf=self.line.leaf, options=words, seed=self.seed)

    @property
    def command(self) -> list[str]:
        """The words of its command, without the interpreter."""
        options = [*self.line.words, f'randomness.seed={self.seed}', *self.more]
        tool, leaf = _near(TRAIN), _near(CONFIGS / self.line.leaf)
        return [tool, leaf, '--work-dir', str(self.folder), '--resume', '--cfg-options', *options]

    @property
    def record_path(self) -> Path:
        """Its record."""
        return self.folder / 'record.json'


def _near(path: Path) -> str:
    """Shorten a path to what one types: from here on where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def read_scores(run: Run) -> dict[str, float] | None:
    """Read the scores of a run that has ended; None of another.

    Raises:
        UserError: Its record was made with other settings.
    """
    if not run.record_path.is_file():
        return None
    record = json.loads(run.record_path.read_text())
    if record['settings'] != run.settings:
        said = ' '.join([record['settings']['leaf'], *record['settings']['options']])
        raise UserError(f'{run.record_path} was made with other settings ({said}): remove it, or choose --work-dirs')
    return record['scores']


def keep_scores(run: Run, key: str) -> dict[str, float]:
    """Write the record of a training that has ended.

    Args:
        run: The run.
        key: A score that its last validation has.

    Raises:
        UserError: Its log has no such score.
    """
    rows = [row for row in read_log(run.folder) if key in row]
    if not rows:
        raise UserError(f"{run.folder} has no log of the score '{key}': does its config have a validation?")
    scores = {name: value for name, value in rows[-1].items() if isinstance(value, (int, float))}
    with atomic_write(run.record_path, 'w') as file:
        file.write(json.dumps(dict(settings=run.settings, step=rows[-1]['step'], scores=scores), indent=1) + '\n')
    return scores


def train_all(runs: Iterable[Run], processes: int, key: str) -> list[Run]:
    """Train side by side, each run in a process whose output goes to a file beside its work directory.

    Args:
        runs: What has no record.
        processes: How many at a time; each sees a GPU of its own where there are some.
        key: The score that they are trained for.

    Returns:
        Those that failed.
    """
    todo, active, failed = list(runs), {}, []
    devices = visible_devices()
    try:
        while todo or active:
            for slot in [slot for slot, (_, process) in active.items() if process.poll() is not None]:
                run, process = active.pop(slot)
                failed += [] if _ended(run, process.returncode, key) else [run]
            free = [slot for slot in range(processes) if slot not in active]
            for slot, run in zip(free, todo[: len(free)]):
                active[slot] = run, _start(run, devices[slot % len(devices)] if devices else None)
            todo = todo[len(free) :]
            time.sleep(POLL)
    finally:
        for _, process in active.values():
            process.terminate()  # a training ends with a checkpoint
        for _, process in active.values():
            process.wait()
    return failed


def visible_devices() -> list[str]:
    """Return numbers of the GPUs that a run may have, as `CUDA_VISIBLE_DEVICES` names them."""
    import torch

    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    return named.split(',') if named else [str(number) for number in range(torch.cuda.device_count())]


def _start(run: Run, device: str | None) -> subprocess.Popen:
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    with log_path(run).open('a') as log:
        environment = os.environ | ({} if device is None else dict(CUDA_VISIBLE_DEVICES=device))
        return subprocess.Popen([sys.executable, *run.command], stdout=log, stderr=log, env=environment)


def _ended(run: Run, code: int, key: str) -> bool:
    """Keep what a run has scored; one line about it."""
    if code:
        print(f'{run.folder} failed: {_last_words(log_path(run))} ({log_path(run)})', flush=True)
        return False
    print(f'{run.folder}: {key} {keep_scores(run, key)[key]:.2f}', flush=True)
    return True


def _last_words(log: Path) -> str:
    lines: Sequence[str] = [line for line in log.read_text(errors='replace').splitlines() if line.strip()]
    return lines[-1] if lines else 'it said nothing'


def log_path(run: Run) -> Path:
    """Tell where a run's output goes."""
    return run.folder.with_name(f'{run.folder.name}.log')
