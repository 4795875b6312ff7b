"""Work directories and their logs, for the tools that compare runs: no command of its own."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmuda.apis import ToolParser, UserError
from mmuda.visualization import Curve


def add_groups(parser: ToolParser) -> None:
    """The groups of runs that a tool compares."""
    parser.add_argument('groups', nargs='+', metavar='NAME=PATTERN', help='a name and a pattern of work directories')


def find_groups(groups: Sequence[str]) -> dict[str, list[Path]]:
    """`NAME=PATTERN` each -> the name (or else the pattern) and the work directories that match."""
    found = {}
    for group in groups:
        name, _, pattern = group.rpartition('=')
        paths = sorted(Path(path) for path in glob.glob(pattern) if Path(path).is_dir())
        if not paths:
            raise UserError(f"no work directory matches '{pattern}': check the pattern")
        found[name or pattern] = paths
    return found


def read_log(work_dir: Path) -> list[dict]:
    """Everything logged, in order: losses and scores, each row with its `step`.

    A run that was resumed, or started again, has several logs: from its first step on the later one counts.
    """
    rows: list[dict] = []
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        later = list(_rows(log))
        first = min((row['step'] for row in later), default=None)
        rows = [row for row in rows if first is None or row['step'] < first] + later
    return rows


def _rows(log: Path) -> Iterator[dict]:
    """The lines of a log, but for a last one that a killed run has not ended."""
    for number, line in enumerate(log.read_text(errors='replace').splitlines(keepends=True), 1):
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError as error:
            if not line.endswith('\n'):
                return
            raise UserError(f'{log} has no JSON in line {number} ({error}): remove the line') from error
        if isinstance(row, dict) and isinstance(row.get('step'), int):
            yield row
        elif row is not None:
            raise UserError(f"{log} has no scores of a 'step' in line {number}: it is no log of a run, leave it out")


def curve_of(runs: dict[Path, list[dict]], key: str) -> Curve | None:
    """The curve of a group, or None if none of its runs has logged the key."""
    series = {path: {row['step']: row[key] for row in rows if key in row} for path, rows in runs.items()}
    if not any(series.values()):
        return None
    steps = sorted(set.intersection(*map(set, series.values())))
    if not steps:
        short = min(series, key=lambda path: len(series[path]))
        raise UserError(
            f"{short} has logged '{key}' at {len(series[short])} iterations, none of which all other runs of its "
            'group have: leave it out, or wait until it has gone further'
        )
    values = np.array([[values[step] for step in steps] for values in series.values()], dtype=float)
    deviation = values.std(0, ddof=1) if len(values) > 1 else np.zeros(len(steps))
    return Curve(np.array(steps), values.mean(0), deviation, len(values))
