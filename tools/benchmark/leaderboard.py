"""Train the rows of a table of the benchmark, keep a record of each run, and write docs/benchmark.md from the records.

python tools/benchmark/leaderboard.py day2dusk --processes 2     # what has no record yet; goes on after an interruption
python tools/benchmark/leaderboard.py day2dusk --rows STCT DACS --seeds 0
python tools/benchmark/leaderboard.py --write                    # the tables of docs/benchmark.md and README.md
python tools/benchmark/leaderboard.py --check                    # fails where a page has a figure without a run

A row's number is that of its last checkpoint. `configs/benchmark/*.yaml` declare the tables.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterable
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from page import check_page, write_page
from records import (
    Counts,
    claim_work_dir,
    commit,
    counts_of,
    hardware,
    history,
    pooled,
    read_record,
    score,
    seconds_a_step,
    write_record,
)
from tables import TABLES, Run, Table, read_table, run_config

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, evaluate, run_tool, set_resume, set_work_dir, train

POLL = 0.5  # seconds between two looks at the running processes


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Train the rows of a table, and write the page of results')
    parser.add_argument('tables', nargs='*', metavar='TABLE', help='names in configs/benchmark (default: all)')
    parser.add_argument('--rows', nargs='+', metavar='ROW', help='only these rows (default: all)')
    parser.add_argument('--seeds', nargs='+', type=int, metavar='SEED', help="only these seeds (default: the table's)")
    parser.add_argument('--processes', type=at_least(1), default=1, help='trainings side by side (default: 1)')
    parser.add_argument(
        '--work-dirs', type=Path, default=Path('work_dirs/benchmark'), help='default: work_dirs/benchmark'
    )
    parser.add_argument('--keep', type=at_least(1), help="checkpoints kept of each run (default: the config's number)")
    parser.add_argument(
        '--pages',
        nargs='+',
        type=Path,
        default=[Path('docs/benchmark.md'), Path('README.md')],
        help='default: docs/benchmark.md README.md',
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--write', action='store_true', help='write the tables of the pages from the records')
    what.add_argument('--check', action='store_true', help='fail if a page has a figure without a record')
    return parser.parse_args()


def checkpoint_of(table: Table, run: Run, folder: Path) -> Path:
    """Return the last checkpoint of a finished run."""
    return folder / table.path.stem / run.name / f'iter_{table.settings(run)["steps"]}.pth'


def open_runs(table: Table, args: argparse.Namespace) -> list[Run]:
    """Return what has to be trained, in order: runs without a record, and starts whose network is gone."""
    chosen = [
        run
        for run in table.runs()
        if (not args.rows or run.row in args.rows) and (args.seeds is None or run.seed in args.seeds)
    ]
    wanted = [run for run in chosen if read_record(table, run) is None]
    starts = {table.start_of(run) for run in wanted} - {None}
    gone = {run for run in starts if not checkpoint_of(table, run, args.work_dirs).is_file()}
    return [run for run in table.runs() if run in wanted or run in gone]


def train_run(table: Table, run: Run, folder: Path, keep: int | None) -> None:
    """Train one run, or go on with it, score it and keep its record."""
    work_dir, started = folder / table.path.stem / run.name, time.process_time()
    claim_work_dir(table, run, work_dir)
    cfg, start = run_config(table, run), table.start_of(run)
    if keep is not None:
        cfg.default_hooks.checkpoint.max_keep_ckpts = keep
    if start is not None:
        cfg.load_from = str(checkpoint_of(table, start, folder))
    set_work_dir(cfg, table.path, str(work_dir))
    set_resume(cfg, 'auto')
    resumed, last = bool(cfg.resume), checkpoint_of(table, run, folder)
    if not last.is_file():
        train(cfg)
    validations = history(work_dir, table.metric)
    write_record(
        table,
        run,
        dict(
            table=table.path.stem,
            row=run.row,
            seed=run.seed,
            way=run.way,
            settings=table.settings(run),
            commit=commit(),
            checkpoint=last.name,
            scores=score_run(table, run, last, validations),
            best=max(validations, key=lambda row: main_score(table, row['counts'])),
            history=[
                dict(step=row['step'], student=round(main_score(table, row['counts']), 2), teacher=row['teacher'])
                for row in validations
            ],
            seconds_a_step=seconds_a_step(work_dir),
            processor_seconds=None if resumed else round(time.process_time() - started),
            hardware=hardware(),
        ),
    )


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
            cfg = run_config(table, run, settings)
            cfg.work_dir = str(checkpoint.parent / 'scores')
            scores[way][name] = counts_of(evaluate(cfg, str(checkpoint)))
    return scores


def in_process(table: Table, run: Run, folder: Path, keep: int | None) -> None:
    """Run the body of a process: what it prints goes to the run's own log, and a signal ends it with a checkpoint."""
    log = folder / table.path.stem / f'{run.name}.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('a') as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(1)
    run_tool(lambda: train_run(table, run, folder, keep))


def start_method(tasks: Iterable[str]) -> multiprocessing.context.BaseContext:
    """Fork runs from a process that has imported what they need, and has no signal handlers of this one."""
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['__main__', *(f'mmuda.models.tasks.{task}' for task in sorted(set(tasks)))])
    return context


def run_all(todo: list[tuple[Table, Run]], args: argparse.Namespace) -> list[str]:
    """Train side by side; a run waits for the one that it starts from. Return the names of those that failed."""
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
            process = context.Process(target=in_process, args=(*ready, args.work_dirs, args.keep))
            process.start()
            active[process] = ready
    finally:
        for process in active:
            process.terminate()  # a training ends with a checkpoint
        for process in active:
            process.join()
    return failed + [run.name for _, run in todo]


def may_start(table: Table, run: Run, todo: list, active: dict, args: argparse.Namespace) -> bool:
    """Tell whether the run that this one starts from has left its network."""
    start = table.start_of(run)
    busy = (table, start) in todo or (table, start) in active.values()
    return start is None or (not busy and checkpoint_of(table, start, args.work_dirs).is_file())


def report(table: Table, run: Run, code: int, failed: list[str], folder: Path) -> None:
    """Print one line about a run that has ended."""
    if code:
        failed.append(run.name)
        print(f'{table.path.stem}: {run.name} failed, see {folder / table.path.stem / run.name}.log', flush=True)
        return
    ways = read_record(table, run)['scores'].values()
    scores = {name: main_score(table, pooled(sets[name] for sets in ways)) for name in table.sets}
    figures = ', '.join(f'{name} {value:.2f}' for name, value in scores.items())
    print(f'{table.path.stem}: {run.name}: {figures}', flush=True)


def main() -> None:
    args = parse_args()
    tables = [read_table(name) for name in args.tables or sorted(path.stem for path in TABLES.glob('*.yaml'))]
    if args.write or args.check:
        for page in args.pages:
            (write_page if args.write else check_page)(page, tables)
        return
    compat.apply()
    todo = [(table, run) for table in tables for run in open_runs(table, args)]
    print(f'{len(todo)} runs to do', flush=True)
    failed = run_all(todo, args)
    if failed:
        raise UserError(f'{len(failed)} runs have no record: {", ".join(failed)}; start again to go on with them')


if __name__ == '__main__':
    run_tool(main)
