"""Trainings that belong together, as seeds of one config do, and what they logged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmuda.scores import goodness

from ..config import load_config
from ..errors import UserError, did_you_mean
from ..run_log import read_log
from ..work_dir import find_config

MAIN_SCORES = ('mIoU', 'accuracy', 'mmuda/mutual_information')
"""What counts, unless told otherwise: a score by labels, else the criterion recommended where there are none."""
FACTS = dict(
    torch=re.compile(r'^\s+PyTorch: (.+)$', re.MULTILINE),
    device=re.compile(r'^\s+GPU [\d,]+: (.+)$', re.MULTILINE),
    processes=re.compile(r'^\s+GPU number: (\d+)$', re.MULTILINE),
    seed=re.compile(r'^\s+seed: (\d+)$', re.MULTILINE),
)
"""What the head of a log says of a run."""


@dataclass(frozen=True)
class Run:
    """A work directory.

    Attributes:
        work_dir: Its path.
        cfg: The config that was trained.
        rows: Everything logged, in order.
        facts: What the head of its newest log says; :data:`FACTS`.
    """

    work_dir: Path
    cfg: Config
    rows: tuple[dict, ...]
    facts: Mapping[str, str]

    @staticmethod
    def read(work_dir: Path, options: Mapping[str, Any] | None = None) -> Run:
        """Read config and logs.

        Raises:
            UserError: There are none.
        """
        cfg = load_config(find_config(work_dir), options)
        rows = tuple(read_log(work_dir))
        if not rows:
            raise UserError(f'the work directory {work_dir} has no log of a training: train first')
        heads = [path.read_text(errors='replace')[:20000] for path in sorted(work_dir.glob('*/*.log'))]
        found = {name: pattern.search(heads[-1]) for name, pattern in FACTS.items()} if heads else {}
        return Run(work_dir, cfg, rows, {name: match[1] for name, match in found.items() if match})

    def series(self, key: str) -> dict[int, float]:
        """Return the logged values of a key by step."""
        return {row['step']: row[key] for row in self.rows if isinstance(row.get(key), (int, float))}

    def last(self, key: str) -> float | None:
        """Return the last logged value of a key."""
        values = self.series(key)
        return values[max(values)] if values else None

    @cached_property
    def keys(self) -> list[str]:
        """Return all keys that hold numbers, in the order of the log."""
        return list(dict.fromkeys(key for row in self.rows for key in row if isinstance(row[key], (int, float))))

    @property
    def seconds(self) -> float:
        """Return the time of the training steps, without evaluations."""
        steps, total, before = self.series('time'), 0.0, 0
        trained = {row['step'] for row in self.rows if 'loss' in row}
        for step in sorted(trained & set(steps)):
            total, before = total + steps[step] * (step - before), step
        return total


@dataclass(frozen=True)
class Group:
    """Runs of one config that differ in their seeds.

    Attributes:
        name: Of all.
        runs: One or more.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """Return the one whose pictures are shown."""
        return self.runs[0]

    @property
    def adapts(self) -> bool:
        """Tell whether its model is more than one plain network."""
        return 'student' in self.first.cfg.model

    def values(self, key: str) -> list[float]:
        """Return the last value of each run that logged the key."""
        return [value for run in self.runs if (value := run.last(key)) is not None]

    def mean(self, key: str) -> float | None:
        """Return the mean over the runs."""
        values = self.values(key)
        return float(np.mean(values)) if values else None

    def best(self, key: str) -> list[float]:
        """Return the best value of each run."""
        return [max(run.series(key).values(), key=lambda value: goodness(key, value)) for run in self.runs]


def find_groups(words: Sequence[str], options: Mapping[str, Any] | None = None) -> list[Group]:
    """Find the groups of ``WORK_DIR`` or ``NAME=WORK_DIR``, in their order; the name is else that of the config.

    Raises:
        UserError: A folder that no training has written to.
    """
    found: dict[str, list[Run]] = {}
    for word in words:
        name, _, path = word.rpartition('=')
        run = Run.read(Path(path), options)
        found.setdefault(name or find_config(path).stem, []).append(run)
    return [Group(name, tuple(runs)) for name, runs in found.items()]


def choose_baseline(groups: Iterable[Group], name: str | None) -> Group | None:
    """Return the group of this name; None: the first one whose model is a plain network, where others adapt.

    Raises:
        UserError: There is none of this name.
    """
    known = {group.name: group for group in groups}
    if name is not None and name not in known:
        remedy = did_you_mean(name, known) or f': use {", ".join(known)}'
        raise UserError(f"--baseline '{name}' is no group of this report{remedy}")
    plain = [group for group in known.values() if not group.adapts]
    return known[name] if name is not None else plain[0] if plain and len(plain) < len(known) else None


def main_score(groups: Sequence[Group], name: str | None) -> str:
    """Return the score that counts: the named one, else the first of :data:`MAIN_SCORES` that was logged.

    Raises:
        UserError: A run that did not log it.
    """
    first = groups[0].first
    score = name or next((key for key in MAIN_SCORES if key in first.keys), None)
    if score is None:
        raise UserError(f'{first.work_dir} has logged none of the scores {", ".join(MAIN_SCORES)}: name one by --score')
    for run in (run for group in groups for run in group.runs):
        if score not in run.keys:
            raise UserError(f"{run.work_dir} has no log of the score '{score}': has the run been evaluated?")
    return score
