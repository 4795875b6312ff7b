"""Work directories and their curves, for the tools that compare runs: no command of its own."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmuda.apis import ToolParser, UserError
from mmuda.visualization import Curve


def add_groups(parser: ToolParser) -> None:
    """Ask for the groups of runs that a tool compares."""
    parser.add_argument('groups', nargs='+', metavar='NAME=PATTERN', help='a name and a pattern of work directories')


def find_groups(groups: Sequence[str]) -> dict[str, list[Path]]:
    """Find of each `NAME=PATTERN` the name (or else the pattern) and the work directories that match."""
    found = {}
    for group in groups:
        name, _, pattern = group.rpartition('=')
        paths = sorted(Path(path) for path in glob.glob(pattern) if Path(path).is_dir())
        if not paths:
            raise UserError(f"no work directory matches '{pattern}': check the pattern")
        found[name or pattern] = paths
    return found


def curve_of(runs: dict[Path, list[dict]], key: str) -> Curve | None:
    """Return the curve of a group, or None if none of its runs has logged the key."""
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
