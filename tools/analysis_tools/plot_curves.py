"""Scores and losses over iterations, mean and standard deviation over runs that differ in their seed.

    python tools/analysis_tools/plot_curves.py 'BN=work_dirs/dann_s*' 'TransNorm=work_dirs/transnorm_s*' \\
        --out curves.png --reach accuracy=70

A point is an iteration that all runs of a group have logged. `--reach` prints how soon the mean of a score got there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reporting import add_picture, check_picture, save_picture
from runs import add_groups, curve_of, find_groups

from mmuda.apis import ToolParser, UserError, run_tool
from mmuda.apis.run_log import read_log
from mmuda.scores import digits_of, goodness, rule_of
from mmuda.visualization import Curve, curves_figure

SCORES = ('mIoU', 'accuracy')
WORDS = dict(greater=('more', 'below', 'at most'), less=('less', 'above', 'at least'))


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    add_groups(parser)
    add_picture(parser)
    parser.add_argument(
        '--keys', nargs='+', metavar='KEY', help=f'what to draw (default: {" or ".join(SCORES)}, and every loss)'
    )
    parser.add_argument('--reach', metavar='SCORE=VALUE', help='print when the mean of each group first reached it')
    return parser.parse_intermixed_args()  # groups may stand after options


def choose_keys(logs: dict[str, dict[Path, list[dict]]], chosen: list[str] | None) -> list[str]:
    """Choose what to draw: the chosen keys, which must be logged, or scores and losses."""
    logged = dict.fromkeys(key for runs in logs.values() for rows in runs.values() for row in rows for key in row)
    if unknown := [key for key in chosen or () if key not in logged]:
        raise UserError(f"no run has logged '{unknown[0]}': choose of {', '.join(sorted(logged))}")
    keys = chosen or [
        *(key for key in SCORES if key in logged),
        *sorted(key for key in logged if key.startswith('loss')),
    ]
    if not keys:
        raise UserError(f'no run has logged {" or ".join(SCORES)} or a loss: name what to draw by --keys')
    return keys


def parse_reach(text: str) -> tuple[str, float]:
    """Parse `accuracy=70` -> ('accuracy', 70.0)."""
    score, _, value = text.rpartition('=')
    try:
        return score, float(value)
    except ValueError as error:
        raise UserError(f'--reach {text} is no score and value: give one such as accuracy=70') from error


def reached(name: str, curve: Curve | None, score: str, value: float) -> str:
    """Return a sentence on how soon a group's mean score got to a value, or beyond it to the better side."""
    if curve is None:
        return f'{name}: no {score} was logged'
    beyond, short, limit = WORDS[rule_of(score)]
    there = curve.steps[[goodness(score, mean) >= goodness(score, value) for mean in curve.mean]]
    if len(there):
        return f'{name}: mean {score} {value:g} or {beyond} at iteration {there[0]}'
    best = max(curve.mean, key=lambda mean: goodness(score, mean))
    end = f'up to iteration {curve.steps[-1]} ({limit} {best:.{digits_of(score)}f})'
    return f'{name}: mean {score} {short} {value:g} {end}'


def main() -> None:
    args = parse_args()
    check_picture(args)
    goal = parse_reach(args.reach) if args.reach else None
    logs = {name: {path: read_log(path) for path in paths} for name, paths in find_groups(args.groups).items()}
    panels = {}
    for key in choose_keys(logs, args.keys):
        curves = {name: curve_of(runs, key) for name, runs in logs.items()}
        panels[key] = {name: curve for name, curve in curves.items() if curve is not None}
    if goal:
        score = choose_keys(logs, [goal[0]])[0]
        for name, runs in logs.items():
            print(reached(name, curve_of(runs, score), *goal))
    save_picture(curves_figure(panels, 'Mean and standard deviation over runs'), args)
    print(f'{args.out}: {", ".join(panels)} of {sum(map(len, logs.values()))} runs')


if __name__ == '__main__':
    run_tool(main)
