"""Tables of judged checkpoints, Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from mmuda.scores import CRITERION_RULES

from .errors import UserError
from .run_log import read_log
from .selection import Candidate, correlation
from .tables import markdown
from .work_dir import find_checkpoints

KEEP_ALL = 'default_hooks.checkpoint.max_keep_ckpts=-1'
"""The option of a training that keeps every checkpoint."""


def kept(work_dir: str | Path) -> str:
    """Say how many checkpoints a work directory has, of how many validations, as its log tells.

    Raises:
        UserError: It has no checkpoint.
    """
    checkpoints = len(find_checkpoints(work_dir))
    validations = len({row['step'] for row in read_log(Path(work_dir)) if 'lr' not in row})
    line = f'{work_dir}: {checkpoints} checkpoints are kept, {validations} validations were logged'
    return line + (f' ({KEEP_ALL} keeps all checkpoints)' if checkpoints < validations else '')


def recommended(candidates: Sequence[Candidate]) -> str:
    """Name the criterion that chose best where it was measured, see `docs/choose_a_checkpoint.md`."""
    return 'dev' if all('dev' in candidate.criteria for candidate in candidates) else 'mutual_information'


def ranking(candidates: Sequence[Candidate], by: str) -> str:
    """Return all candidates, best first.

    Args:
        candidates: Of any runs.
        by: A criterion.

    Raises:
        UserError: No candidate has a value of it.
    """
    names = [name for name in CRITERION_RULES if any(name in candidate.criteria for candidate in candidates)]
    if by not in names:
        raise UserError(f"no checkpoint has a value of '{by}', but of {', '.join(names)}: choose by one of them")
    labelled = any(candidate.truth is not None for candidate in candidates)
    arrows = {'greater': '↑', 'less': '↓'}
    rows = [['', 'checkpoint', *(f'{name} {arrows[CRITERION_RULES[name]]}' for name in names), *['score'] * labelled]]
    for place, candidate in enumerate(sorted(candidates, key=lambda one: -one.goodness(by)), 1):
        values = [f'{candidate.criteria[name]:.4f}' if name in candidate.criteria else '–' for name in names]
        rows.append([str(place), candidate.name, *values, *[_number(candidate.truth)] * labelled])
    return markdown(rows)


def correlation_table(runs: Sequence[Sequence[Candidate]]) -> str:
    """Tell how well each criterion would have chosen, against the score by labels; empty without labels.

    Args:
        runs: The candidates of each run. "Within a run" is the mean over runs of several checkpoints.
    """
    runs = [known for run in runs if (known := [one for one in run if one.truth is not None])]
    everything = [candidate for run in runs for candidate in run]
    names = [name for name in CRITERION_RULES if all(name in candidate.criteria for candidate in everything)]
    if len(everything) < 2 or not names:
        return ''
    rows = [['criterion', 'rank correlation', 'within a run', 'score of its choice', 'within a run']]
    for name in names:
        within = [value for run in runs if len(run) > 1 and np.isfinite(value := correlation(run, name))]
        rows.append(
            [
                name,
                _number(correlation(everything, name)),
                _number(fmean(within) if within else None),
                _number(max(everything, key=lambda one: one.goodness(name)).truth),
                _number(fmean(max(run, key=lambda one: one.goodness(name)).truth for run in runs)),
            ]
        )
    for name, choose in (('last', lambda one: one.step), ('best, by labels', lambda one: one.merit)):
        choices = [max(run, key=choose).truth for run in runs]
        rows.append([name, '', '', _number(max(everything, key=choose).truth), _number(fmean(choices))])
    return markdown(rows)


def _number(value: float | None) -> str:
    return '–' if value is None or not np.isfinite(value) else f'{value:.2f}'
