"""What a declared table has to be, checked before anything is trained: no command of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from mmuda.apis import UserError
from mmuda.apis.config import SETTINGS
from mmuda.apis.errors import did_you_mean

if TYPE_CHECKING:
    from tables import Table

IN_A_WAY = ('train', 'score', 'variables')


def check_table(table: Table, tasks: Mapping[str, str], methods: Mapping[str, Any]) -> None:
    """Refuse a table of which a part would be ignored, or be taken for another.

    Args:
        table: The table.
        tasks: Those that there are.
        methods: Files of methods by name.

    Raises:
        UserError: One sentence that names the file.
    """
    complaints = chain(_of_rows(table, methods), _of_ways(table), _of_options(table), _of_runs(table, tasks))
    for complaint in complaints:  # the first one: the next may need what it misses
        raise UserError(f'{table.path}: {complaint}')


def _of_rows(table: Table, methods: Mapping[str, Any]) -> Iterator[str]:
    before: set[str] = set()
    for name, row in table.rows.items():
        if row.start is not None and row.start not in before:
            yield f"row '{name}' starts from '{row.start}', which is no row above it"
        before.add(name)
        if not isinstance(row.methods, tuple) or not isinstance(row.hooks, tuple):
            yield f"row '{name}' has methods or hooks that are no list: write them in brackets"
        for method in set(row.methods) - set(methods):
            yield f"row '{name}' has the method '{method}', of which there is no file" + did_you_mean(method, methods)
        if row.methods and row.target_labels:
            yield f"row '{name}' has methods and target_labels: a bound has labels of the target and no method"
        if row.target_labels and table.task != 'segmentation':
            yield f"row '{name}' has target_labels, a folder of label maps, in a table of {table.task}"
        if row.model != type(row).model and not row.methods:
            yield f"row '{name}' has model={row.model}, which only a row with methods has around its network"
    if table.baseline not in before:
        yield f"the baseline '{table.baseline}' is no row"


def _of_ways(table: Table) -> Iterator[str]:
    if not table.ways:
        yield 'there are no ways: name what is adapted to, and what is scored'
    for name, way in table.ways.items():
        for key in set(way) - set(IN_A_WAY):
            yield f"way '{name}' has '{key}', which nothing reads: it takes {', '.join(IN_A_WAY)}"
        if not way.get('score'):
            yield f"way '{name}' scores nothing: give score={{SET: {{}}}}"
        elif list(way['score']) != table.sets:
            yield 'all ways score sets of the same names in the same order'
    if table.has_pairs and len(table.sets) > 1:
        yield f'ways with variables score one set each, but these score {len(table.sets)}'


def _of_options(table: Table) -> Iterator[str]:
    parts = [table.options, *(row.options for row in table.rows.values())]
    parts += [way.get('train') or {} for way in table.ways.values()]
    for option in [option for options in parts for option in options]:
        top = option.split('.')[0]
        if top not in SETTINGS:
            yield f"option '{option}': no part of a run reads '{top}'" + did_you_mean(top, SETTINGS)


def _of_runs(table: Table, tasks: Mapping[str, str]) -> Iterator[str]:
    if table.task not in tasks:
        yield f"no task '{table.task}', choose one of {', '.join(tasks)}"
    if table.validations is not None and table.validations < 1:
        yield f'validations={table.validations} leaves nothing to score: give 1 or more'
    runs = {}
    for run in table.runs():
        if run.name in runs:
            yield f'{run} and {runs[run.name]} would have one record, {run.name}: give them other names'
        runs[run.name] = run
