"""The report as a page: what was run, scores, curves, classes, confusion, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmuda.scores import criterion_of, digits_of, goodness, rule_of
from mmuda.visualization.attention import FIRST, SECOND

from ..doctor import read_roles
from ..pages import write_template
from ..tables import spread
from .attention import Attention
from .charts import HEIGHT, LEFT, RIGHT, WIDTH, panels
from .groups import Group, Run
from .pictures import Look

CLASS_SCORES = ('IoU.', 'accuracy.')


def write_page(
    path: str | Path,
    groups: Sequence[Group],
    score: str,
    baseline: Group | None = None,
    look: Look | None = None,
    attention: Sequence[Attention] = (),
) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        groups: One or more.
        score: The one that counts.
        baseline: One of the groups, with which the others are compared.
        look: What the networks predict; None leaves out matrices and pictures.
        attention: Of the groups with hybrid attention.
    """
    write_template(
        'report.html',
        path,
        title=', '.join(group.name for group in groups),
        score=score,
        labelled=criterion_of(score) is None,
        rule=rule_of(score),
        baseline=baseline.name if baseline else None,
        groups=[_summary(group, score, baseline) for group in groups],
        elsewhere=[group.name for group in groups if _scored(group) != _scored(groups[0])],
        data=_data(next((group for group in groups if group.adapts), groups[0]).first),
        runs=[_row(group, run, score) for group in groups for run in group.runs],
        panels=panels(groups, score),
        chart=dict(width=WIDTH, height=HEIGHT, left=LEFT, right=WIDTH - RIGHT),
        classes=_classes(groups, baseline),
        look=look,
        attention=attention,
        halves=['rgb({}, {}, {})'.format(*colour) for colour in (FIRST, SECOND)],
        palette=_palette(look),
        matrices=_matrices(look),
    )


def _scored(group: Group) -> dict:
    """Tell which images a group is scored on, whatever is done to them."""
    part = group.first.cfg.get('val_dataloader') or group.first.cfg.get('test_dataloader') or {}
    return {key: value for key, value in part.get('dataset', {}).items() if key not in ('pipeline', '_scope_')}


def _summary(group: Group, score: str, baseline: Group | None) -> dict:
    """Return a row of the first table."""
    base = baseline.mean(score) if baseline and group is not baseline else None
    digits = digits_of(score)
    return dict(
        name=group.name,
        runs=len(group.runs),
        last=spread(group.values(score), digits),
        teacher=spread(group.values(f'teacher/{score}'), digits),
        best=spread(group.best(score), digits),
        **_gain(score, group.mean(score), base, digits),
    )


def _gain(score: str, value: float, base: float | None, digits: int) -> dict:
    """Return the difference in words and the colour of what it means; no words without a base."""
    if base is None:
        return dict(gain='', sign='')
    gain = round(value - base, digits)
    better = goodness(score, gain)
    return dict(gain=f'{gain:+.{digits}f}', sign='up' if better > 0 else 'down' if better < 0 else 'soft')


def _row(group: Group, run: Run, score: str) -> dict:
    """Return a run in the table of what was run."""
    steps = max(row['step'] for row in run.rows)
    minutes = run.seconds / 60
    return dict(
        group=group.name,
        work_dir=str(run.work_dir),
        model=run.cfg.model.type,
        seed=run.facts.get('seed', '–'),
        steps=f'{steps:,}',
        batch=(run.cfg.get('train_dataloader') or {}).get('batch_size', '–'),
        time=f'{minutes / 60:.1f} h' if minutes >= 90 else f'{minutes:.1f} min',
        device=run.facts.get('device', 'CPU' if run.facts.get('processes') is not None else '–'),
        torch=run.facts.get('torch', '–'),
        last=f'{run.last(score):.{digits_of(score)}f}',
    )


def _data(run: Run) -> list[dict]:
    """Return the data sets of a run, as they are on this machine."""
    return [
        dict(name=role.name, size=f'{role.size:,} images' if role.error is None else 'not on this machine')
        for role in read_roles(run.cfg)
    ]


def _classes(groups: Sequence[Group], baseline: Group | None) -> list[dict]:
    """Return the scores of every class, of each group, and the difference to the baseline."""
    keys = [key for key in groups[0].first.keys if key.startswith(CLASS_SCORES)]
    rows = []
    for key in keys:
        base = baseline.mean(key) if baseline else None
        bars = []
        for number, group in enumerate(groups):
            mean = group.mean(key)
            known = mean is not None and np.isfinite(mean)
            compared = known and base is not None and np.isfinite(base) and group is not baseline
            bars.append(
                dict(
                    group=number,
                    width=f'{min(max(mean, 0), 100):.1f}' if known else '0',
                    text=f'{mean:.1f}' if known else '–',
                    **_gain(key, mean, base if compared else None, 1),
                )
            )
        rows.append(dict(name=key.partition('.')[2], bars=bars))
    return rows


def _palette(look: Look | None) -> list[dict]:
    if look is None or not look.maps:
        return []
    return [
        dict(name=name, colour='rgb({}, {}, {})'.format(*colour)) for name, colour in zip(look.classes, look.palette)
    ]


def _matrices(look: Look | None) -> list[dict]:
    """Return shares of the true class in percent, a row a true class that the images show."""
    found = []
    for name, counts in look.confusion.items() if look else ():
        rows = [
            dict(name=look.classes[number], number=number, shares=[float(x) for x in 100 * row / row.sum()])
            for number, row in enumerate(counts)
            if row.sum()
        ]
        found.append(dict(group=name, rows=rows, classes=look.classes))
    return found
