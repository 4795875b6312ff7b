"""Train the rows of a table of the benchmark, keep a record of each run, and write docs/benchmark.md from the records.

python tools/benchmark/leaderboard.py day2dusk --processes 2     # what has no record yet; goes on after an interruption
python tools/benchmark/leaderboard.py day2dusk --rows STCT DACS --seeds 0
python tools/benchmark/leaderboard.py --write                    # the tables of docs/benchmark.md and README.md
python tools/benchmark/leaderboard.py --check                    # fails where a page has a figure without a run

A row's number is that of its last checkpoint. `configs/benchmark/*.yaml` declare the tables.
"""

import argparse
import os
import threading
import time
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from page import check_page, check_pages, write_page
from records import (
    Counts,
    claim_work_dir,
    commit,
    counts_of,
    hardware,
    history,
    libraries,
    named,
    note_commit,
    pooled,
    read_record,
    score,
    seconds_a_step,
    weights,
    write_record,
)
from run_processes import end_with_parent, start_method
from tables import TABLES, Run, Table, read_table, run_config

from mmuda import compat
from mmuda.apis import (
    ToolParser,
    UserError,
    at_least,
    check_out_dir,
    evaluate,
    run_tool,
    set_resume,
    set_work_dir,
    train,
)
from mmuda.apis.errors import did_you_mean

POLL = 0.5  # seconds between two looks at the running processes
TRAINS = ('rows', 'seeds', 'processes', 'work_dirs', 'keep')
"""Options of trainings, which pages have no use for."""


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Train the rows of a table, and write the page of results')
    parser.add_argument('tables', nargs='*', metavar='TABLE', help='names in configs/benchmark (default: all)')
    parser.add_argument('--rows', nargs='+', metavar='ROW', help='only these rows (default: all)')
    parser.add_argument('--seeds', nargs='+', type=int, metavar='SEED', help="only these seeds (default: the table's)")
    parser.add_argument('--processes', type=at_least(1), help='trainings side by side (default: 1)')
    parser.add_argument('--work-dirs', type=Path, help='default: work_dirs/benchmark')
    parser.add_argument('--keep', type=at_least(1), help="checkpoints kept of each run (default: the config's number)")
    parser.add_argument('--pages', nargs='+', type=Path, help='default: docs/benchmark.md README.md')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--write', action='store_true', help='write the tables of the pages from the records')
    what.add_argument('--check', action='store_true', help='fail if a page has a figure without a record')
    args = parser.parse_args()
    unread = TRAINS if args.write or args.check else ('pages',)
    for name in [name for name in unread if getattr(args, name) is not None]:
        when = 'trains nothing' if args.write or args.check else 'writes no page without --write or --check'
        parser.error(f'--{name.replace("_", "-")} is not read, as this {when}: leave it out')
    args.processes = args.processes or 1
    args.work_dirs = args.work_dirs or Path('work_dirs/benchmark')
    args.pages = args.pages or [Path('docs/benchmark.md'), Path('README.md')]
    return args


def check_choice(tables: list[Table], args: argparse.Namespace) -> None:
    """Refuse a row or a seed that no table has.

    Raises:
        UserError: There is one.
    """
    names = ', '.join(table.path.stem for table in tables)
    for option, chosen, known in (
        ('--rows', args.rows, {row for table in tables for row in table.rows}),
        ('--seeds', args.seeds, {seed for table in tables for seed in table.seeds}),
    ):
        for one in chosen or ():
            if one not in known:
                near = did_you_mean(str(one), map(str, known)) or f': choose from {", ".join(map(str, sorted(known)))}'
                raise UserError(f"{option} has '{one}', which is in no table of {names}{near}")


def checkpoint_of(table: Table, run: Run, folder: Path) -> Path:
    """Return the last checkpoint of a finished run."""
    return folder / table.path.stem / run.name / f'iter_{table.settings(run)["steps"]}.pth'


def open_runs(table: Table, args: argparse.Namespace) -> list[Run]:
    """Return what has to be trained, in order: runs without a record, and starts whose network is gone."""
    wanted = {
        run
        for run in table.runs()
        if (not args.rows or run.row in args.rows)
        and (args.seeds is None or run.seed in args.seeds)
        and read_record(table, run) is None
    }
    for run in reversed(list(table.runs())):  # what starts from a run stands behind it
        start = table.start_of(run)
        if run in wanted and start is not None and not checkpoint_of(table, start, args.work_dirs).is_file():
            wanted.add(start)
    return [run for run in table.runs() if run in wanted]


def train_run(table: Table, run: Run, folder: Path, keep: int | None, code: str) -> None:
    """Train one run, or go on with it, score it and keep its record; a record that there is stays.

    Args:
        table: The table.
        run: One of its runs.
        folder: Of all work directories.
        keep: Checkpoints kept; None: as the config says.
        code: The commit that this process runs.
    """
    work_dir, started = folder / table.path.stem / run.name, time.process_time()
    last = checkpoint_of(table, run, folder)
    if last.is_file() and read_record(table, run) is not None:
        return  # another process has made it meanwhile
    claim_work_dir(table, run, work_dir)
    commits = note_commit(work_dir, code)
    cfg, start = run_config(table, run), table.start_of(run)
    if keep is not None:
        cfg.default_hooks.checkpoint.max_keep_ckpts = keep
    if start is not None:
        cfg.load_from = str(checkpoint_of(table, start, folder))
    begins_with = weights(cfg)
    set_work_dir(cfg, table.path, str(work_dir))
    set_resume(cfg, 'auto')
    resumed = bool(cfg.resume)
    if not last.is_file():
        train(cfg)
    validations = all_validations(table, run, last)
    record = dict(
        table=table.path.stem,
        row=run.row,
        seed=run.seed,
        way=run.way,
        settings=table.settings(run),
        commit=commits,
        weights=begins_with,
        checkpoint=named(last),
        scores=score_run(table, run, last, validations),
        best=max(validations, key=lambda row: main_score(table, row['counts'])),
        history=[
            dict(step=row['step'], student=round(main_score(table, row['counts']), 2), teacher=row['teacher'])
            for row in validations
        ],
        seconds_a_step=seconds_a_step(work_dir),
        processor_seconds=None if resumed else round(time.process_time() - started),
        hardware=hardware(),
        libraries=libraries(),
    )
    if read_record(table, run) is None:
        write_record(table, run, record)
    else:
        print(f'{run.name} was trained again, for what starts from it: {figures(table, record)}; its record stays')


def all_validations(table: Table, run: Run, last: Path) -> list[dict]:
    """Return the validations of a finished run, the last one that of its last checkpoint.

    That one is made now if the run was ended between the two.
    """
    found, steps = history(last.parent, table.metric), table.settings(run)['steps']
    if not found or found[-1]['step'] < steps:
        found.append(dict(step=steps, counts=counts_on(table, run, last), teacher=None))
    return found


def main_score(table: Table, counts: Counts) -> float:
    """Return what counts of it decide a table's order."""
    return score(counts, table.task)[table.metric]


def score_run(table: Table, run: Run, checkpoint: Path, validations: list[dict]) -> dict:
    """Return counts by way and set; the last validation has those of the main set already where there is one way."""
    scores = {}
    for way in [run.way] if run.way else table.ways:
        scores[way] = {}
        for number, (name, settings) in enumerate(table.ways[way]['score'].items()):
            if number == 0 and run.way:
                scores[way][name] = validations[-1]['counts']
                continue
            scores[way][name] = counts_on(table, run, checkpoint, settings)
    return scores


def counts_on(table: Table, run: Run, checkpoint: Path, scored: Mapping | None = None) -> Counts:
    """Return the counts of a checkpoint on a set; None: on the run's main one."""
    cfg = run_config(table, run, scored)
    cfg.work_dir = str(checkpoint.parent / 'scores')
    return counts_of(evaluate(cfg, str(checkpoint)))


def in_process(table: Table, run: Run, folder: Path, keep: int | None, code: str) -> None:
    """Run the body of a process: what it prints goes to the run's own log, and a signal ends it with a checkpoint."""
    log = folder / table.path.stem / f'{run.name}.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('a') as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(1)
    threading.Thread(target=end_with_parent, name='end with parent', daemon=True).start()
    run_tool(lambda: train_run(table, run, folder, keep, code))


def run_all(todo: list[tuple[Table, Run]], args: argparse.Namespace) -> list[str]:
    """Train side by side; a run waits for the one that it starts from. Return the names of those that have no end."""
    code = commit()
    context = start_method(table.task for table, _ in todo)
    active: dict[BaseProcess, tuple[Table, Run]] = {}
    failed: list[str] = []
    try:
        while todo or active:
            for process in [process for process in active if not process.is_alive()]:
                report(*active.pop(process), process.exitcode, failed, args.work_dirs)
            ready = next(((table, run) for table, run in todo if may_start(table, run, todo, active, args)), None)
            if ready is None and not active:
                break  # what is left starts from a run that failed
            if ready is None or len(active) >= args.processes:
                time.sleep(POLL)
                continue
            todo.remove(ready)
            process = context.Process(target=in_process, args=(*ready, args.work_dirs, args.keep, code))
            process.start()
            active[process] = ready
    finally:
        for process in active:
            process.terminate()  # a training ends with a checkpoint
        for process in active:
            process.join()
    return failed + [name_of(table, run) for table, run in todo]


def may_start(table: Table, run: Run, todo: list, active: dict, args: argparse.Namespace) -> bool:
    """Tell whether the run that this one starts from has left its network."""
    start = table.start_of(run)
    busy = (table, start) in todo or (table, start) in active.values()
    return start is None or (not busy and checkpoint_of(table, start, args.work_dirs).is_file())


def report(table: Table, run: Run, code: int, failed: list[str], folder: Path) -> None:
    """Print one line about a run that has ended."""
    if code:
        failed.append(name_of(table, run))
        print(f'{name_of(table, run)} failed, see {folder / table.path.stem / run.name}.log', flush=True)
        return
    print(f'{name_of(table, run)}: {figures(table, read_record(table, run))}', flush=True)


def name_of(table: Table, run: Run) -> str:
    """Return what a run of several tables is called."""
    return f'{table.path.stem}/{run.name}'


def figures(table: Table, record: dict) -> str:
    """Return the scores of a record, set by set."""
    ways = record['scores'].values()
    scores = {name: main_score(table, pooled(sets[name] for sets in ways)) for name in table.sets}
    return ', '.join(f'{name} {value:.2f}' for name, value in scores.items())


def main() -> None:
    args = parse_args()
    tables = [read_table(name) for name in args.tables or sorted(path.stem for path in TABLES.glob('*.yaml'))]
    if args.write or args.check:
        check_pages(args.pages, tables if args.tables else ())
        for page in args.pages:
            (write_page if args.write else check_page)(page, tables)
        return
    check_choice(tables, args)
    check_out_dir(args.work_dirs, '--work-dirs')
    compat.apply()
    todo = [(table, run) for table in tables for run in open_runs(table, args)]
    print(f'{len(todo)} runs to do', flush=True)
    failed = run_all(todo, args)
    if failed:
        raise UserError(f'not run to the end: {", ".join(failed)}; mend what their logs say and start again')


if __name__ == '__main__':
    run_tool(main)
