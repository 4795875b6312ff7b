"""Run the tables of the papers, and print what was measured here beside what the paper prints.

python tools/reproduce.py                              # which tables there are
python tools/reproduce.py acda-5                       # the table, with the runs that have ended
python tools/reproduce.py acda-5 --list                # its commands
python tools/reproduce.py acda-5 --run --processes 2   # train what has not ended; goes on after an interruption
python tools/reproduce.py acda-5 --format latex

The score of a run is that of its last validation. `configs/papers` declares the tables.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reproduction.page import FORMATS
from reproduction.runs import Run, read_scores, train_all
from reproduction.tables import Table, read_table, read_tables

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.apis.command_line import parse_option
from mmuda.apis.errors import did_you_mean


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('table', nargs='?', help='its name, such as stct-1 or dida-iiia (default: list all)')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--list', action='store_true', help='print a command for each run that has not ended')
    what.add_argument('--run', action='store_true', help='train what has not ended, then print the table')
    parser.add_argument('--rows', nargs='+', metavar='ROW', help='only these rows (default: all)')
    parser.add_argument('--seeds', nargs='+', type=at_least(0), default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--processes', type=at_least(1), default=1, help='trainings side by side (default: 1)')
    parser.add_argument('--format', choices=FORMATS, default='markdown', help='of the table (default: markdown)')
    parser.add_argument(
        '--work-dirs', type=Path, default=Path('work_dirs/reproduce'), help='default: work_dirs/reproduce'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='settings of all runs beside their own'
    )
    return parser.parse_intermixed_args()


def chosen(table: Table, rows: Sequence[str] | None) -> Table:
    """Return the table with some of its rows.

    Raises:
        UserError: A row that it does not have.
    """
    if unknown := [row for row in rows or () if row not in table.rows]:
        remedy = did_you_mean(unknown[0], table.rows) or f': choose of {"; ".join(table.rows)}'
        raise UserError(f"table {table.name} has no row '{unknown[0]}'{remedy}")
    return replace(table, rows={name: row for name, row in table.rows.items() if not rows or name in rows})


def runs_of(table: Table, args: argparse.Namespace) -> list[Run]:
    """Return all runs of a table, seed by seed: a first result of each row comes first."""
    for word in args.cfg_options:
        parse_option(word)
    lines = list(table.lines())
    return [
        Run(line, seed, args.work_dirs / line.folder(seed), tuple(args.cfg_options))
        for seed in args.seeds
        for line in lines
    ]


def collect(table: Table, runs: list[Run]) -> dict[tuple[str, str], dict[int, float]]:
    """Collect scores by row, column and seed of the runs that have ended."""
    ended = {(run.line, run.seed): scores for run in runs if (scores := read_scores(run))}
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in table.rows:
        for column in table.columns:
            line, key = table.line(row, column), table.score_of(column)
            scores = {seed: values[key] for (of, seed), values in ended.items() if of == line and key in values}
            found[row, column] = scores
    return found


def list_tables() -> None:
    """Print a line a table: how to call it, and what it is."""
    for name, table in read_tables().items():
        print(f'{name:22} {table.title} ({len(table.rows)} rows, {len(list(table.lines()))} runs a seed)')


def main() -> None:
    args = parse_args()
    if args.table is None:
        if args.list or args.run:
            raise UserError('--list and --run need a table: name one, such as stct-1')
        return list_tables()
    table = chosen(read_table(args.table), args.rows)
    runs = runs_of(table, args)
    todo = [run for run in runs if read_scores(run) is None]
    if args.list:
        for run in todo:
            print(shlex.join(['python', *run.command]))
        return None
    failed = []
    if args.run:
        from mmuda.apis import check_out_dir  # here, as it takes seconds and `--help` should not

        check_out_dir(args.work_dirs, '--work-dirs')
        print(f'{len(todo)} of {len(runs)} runs to do', flush=True)
        failed = train_all(todo, args.processes, table.score)
    print(FORMATS[args.format](table, collect(table, runs)), end='')
    if failed:
        raise UserError(f'{len(failed)} runs failed, the first is {failed[0].folder}; start again to go on with them')
    return None


if __name__ == '__main__':
    run_tool(main)
