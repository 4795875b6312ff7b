"""What a training has logged: losses and scores by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError


def read_log(work_dir: Path) -> list[dict]:
    """Return everything logged, in order: losses and scores, each row with its `step`.

    A run that was resumed, or started again, has several logs: from its first step on the later one counts.
    """
    rows: list[dict] = []
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        later = list(_rows(log))
        first = min((row['step'] for row in later), default=None)
        rows = [row for row in rows if first is None or row['step'] < first] + later
    return rows


def _rows(log: Path) -> Iterator[dict]:
    """Yield the lines of a log, but for a last one that a killed run has not ended."""
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
