"""Work directories and their logs, for the tools that compare runs: no command of its own."""

from __future__ import annotations

import argparse
import glob
import json
from collections.abc import Sequence
from pathlib import Path

from mmuda.apis import UserError


def add_groups(parser: argparse.ArgumentParser) -> None:
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
        later = [json.loads(line) for line in log.read_text().splitlines() if line.strip()]
        first = min((row['step'] for row in later), default=None)
        rows = [row for row in rows if first is None or row['step'] < first] + later
    return rows
