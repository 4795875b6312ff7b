"""What runs have logged, a line a run: steps, time, memory, losses and scores. `plot_curves.py` draws the same logs.

    python tools/analysis_tools/analyze_logs.py work_dirs/stct_s0 work_dirs/stct_s1
    python tools/analysis_tools/analyze_logs.py 'work_dirs/*' --keys loss_source loss_target mIoU teacher/mIoU

Times are medians, in seconds a step; the share of them that a step waits for its data stands beside. A key has the
mean of the run's last tenth for a loss, its last value for a score.
"""

from __future__ import annotations

import argparse
import glob
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

from mmuda.apis import ToolParser, UserError, run_tool
from mmuda.apis.run_log import read_log
from mmuda.apis.tables import markdown
from mmuda.scores import digits_of

SCORES = ('mIoU', 'teacher/mIoU', 'accuracy', 'teacher/accuracy')
Log = list[dict]


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('runs', nargs='+', metavar='PATTERN', help='work directories, or patterns of them')
    parser.add_argument(
        '--keys', nargs='+', metavar='KEY', help='columns (default: loss and the scores that there are)'
    )
    return parser.parse_intermixed_args()


def find_runs(patterns: Sequence[str]) -> dict[Path, Log]:
    """Return each work directory and its log.

    Raises:
        UserError: A pattern without work directory, or one without log.
    """
    found = {}
    for pattern in patterns:
        paths = sorted(Path(path) for path in glob.glob(pattern) if Path(path).is_dir())
        logs = {path: log for path in paths if (log := read_log(path))}
        if not logs:
            what = f'{len(paths)} folders without a log' if paths else 'nothing'
            raise UserError(f"'{pattern}' finds {what}: give work directories of trainings")
        found |= logs
    return found


def choose_keys(logs: dict[Path, Log], chosen: Sequence[str] | None) -> list[str]:
    """Choose the columns.

    Raises:
        UserError: No run has logged a chosen key.
    """
    logged = {key for log in logs.values() for row in log for key in row}
    if unknown := [key for key in chosen or () if key not in logged]:
        raise UserError(f"no run has logged '{unknown[0]}': choose of {', '.join(sorted(logged))}")
    return list(chosen or [key for key in ('loss', *SCORES) if key in logged])


def value_of(log: Log, key: str) -> str:
    """Return the last value of a score; the mean over the last tenth of the steps of what training steps log."""
    rows = [row for row in log if isinstance(row.get(key), (int, float))]
    if not rows:
        return '–'
    if 'lr' not in rows[-1]:
        return f'{rows[-1][key]:.{digits_of(key)}f}'
    late = [row[key] for row in rows if row['step'] > 0.9 * rows[-1]['step']]
    return f'{fmean(late):.4f}'


def line(log: Log, keys: Sequence[str]) -> list[str]:
    """Return the cells of a run."""
    steps = [row for row in log if 'lr' in row]
    times = [row['time'] for row in steps if row.get('time')]
    waited = [row.get('data_time', 0) / row['time'] for row in steps if row.get('time')]
    memory = max((row['memory'] for row in steps if 'memory' in row), default=None)
    return [
        str(log[-1]['step']),
        f'{median(times):.3f}' if times else '–',
        f'{100 * median(waited):.0f} %' if waited else '–',
        '–' if memory is None else f'{memory}',
        *[value_of(log, key) for key in keys],
    ]


def without_steps(logs: dict[Path, Log]) -> str:
    """Tell which runs have logged no training step, and why; '' where there are none."""
    runs = [str(path) for path, log in logs.items() if not any('lr' in row for row in log)]
    if not runs:
        return ''
    return (
        f'No times and no losses (–) of {", ".join(runs)}: no training step is logged before the end of the first '
        'interval of the log, default_hooks.logger.interval.'
    )


def main() -> None:
    args = parse_args()
    logs = find_runs(args.runs)
    keys = choose_keys(logs, args.keys)
    rows = [[str(path), *line(log, keys)] for path, log in logs.items()]
    print(markdown([['run', 'steps', 's a step', 'of it data', 'GPU MB', *keys], *rows]))
    if note := without_steps(logs):
        print(f'\n{note}')


if __name__ == '__main__':
    run_tool(main)
