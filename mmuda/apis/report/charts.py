"""Curves as points of an inline SVG: the colours are the page's, so they follow its theme."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from .groups import Group

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 22
TICKS = 4  # about so many lines across
HIDDEN = ('step', 'iter', 'epoch', 'time', 'data_time', 'memory', 'base_lr', 'grad_norm')


def panels(groups: Sequence[Group], score: str) -> list[dict]:
    """Return a panel a quantity: the score of student and teacher, losses, what the method logs, criteria, learning
    rate.
    """
    keys = dict.fromkeys(key for group in groups for key in group.first.keys)
    losses = [key for key in keys if key.startswith('loss')]
    criteria = [key for key in keys if key.startswith('mmuda/') and key != score]
    evaluated = {key for group in groups for row in group.first.rows if score in row for key in row}
    others = [key for key in keys if key not in {*HIDDEN, *evaluated, *losses, 'lr'}]
    wanted = [(score, f'teacher/{score}'), *((key,) for key in (*losses, *others, *criteria, 'lr'))]
    return [panel for names in wanted if (panel := _panel(groups, names)) is not None]


def _panel(groups: Sequence[Group], keys: Sequence[str]) -> dict | None:
    lines = [
        dict(group=number, dashed=key.startswith('teacher/'), values=values)
        for number, group in enumerate(groups)
        for key in keys
        if (values := _values(group, key)) is not None
    ]
    if not lines:
        return None
    steps = np.concatenate([line['values'][0] for line in lines])
    low = min((line['values'][1] - line['values'][2]).min() for line in lines)
    high = max((line['values'][1] + line['values'][2]).max() for line in lines)
    ticks = nice_ticks(low, high)
    frame = (0, max(steps.max(), 1), ticks[0], ticks[-1])
    return dict(
        title=keys[0],
        lines=[_line(frame, **line) for line in lines],
        ticks=[dict(y=_y(frame, tick), text=f'{tick:.4g}') for tick in ticks],
        last=f'{int(steps.max()):,}',
    )


def _values(group: Group, key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return steps that all runs have, mean and deviation over the runs."""
    series = [values for run in group.runs if (values := run.series(key))]
    steps = sorted(set.intersection(*map(set, series))) if series else []
    if not steps:
        return None
    values = np.array([[one[step] for step in steps] for one in series], dtype=float)
    finite = np.isfinite(values).all(0)
    if not finite.any():
        return None
    spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros(len(steps))
    return np.array(steps)[finite], values.mean(0)[finite], spread[finite]


def _line(frame: tuple, group: int, dashed: bool, values: tuple) -> dict:
    steps, mean, spread = values
    upper = list(_points(frame, steps, mean + spread))
    lower = list(_points(frame, steps, mean - spread))
    return dict(
        group=group,
        dashed=dashed,
        path=' '.join(_points(frame, steps, mean)),
        band=' '.join([*upper, *reversed(lower)]) if spread.any() else '',
        dots=[point.split(',') for point in _points(frame, steps, mean)] if len(steps) == 1 else [],
    )


def _points(frame: tuple, steps: np.ndarray, values: np.ndarray) -> Iterator[str]:
    for step, value in zip(steps, values):
        x = LEFT + (WIDTH - LEFT - RIGHT) * (step - frame[0]) / (frame[1] - frame[0])
        yield f'{x:.1f},{_y(frame, value)}'


def _y(frame: tuple, value: float) -> str:
    return f'{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - frame[2]) / (frame[3] - frame[2]):.1f}'


def nice_ticks(low: float, high: float) -> list[float]:
    """Return round numbers that span the values, about so many.

    >>> nice_ticks(0.3, 41.0)
    [0.0, 20.0, 40.0, 60.0]
    """
    span = high - low or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= span)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]
