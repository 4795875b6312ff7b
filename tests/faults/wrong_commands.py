"""Try wrong command lines and configs, and count how they end: in one clear sentence, in a traceback, silently.

    python tests/faults/wrong_commands.py [--kind KIND] [--each N] [--processes 2] [--verbose]

A sentence is: exit status not 0, a last line that begins with `mmuda: error:` and names the offending value or path, no
`Traceback` anywhere. Besides, a mistake leaves nothing behind. Every case is a process that is forked from this one,
which has imported torch, mmseg and mmpretrain once; it runs the tool's own file with the words of a command line.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import runpy
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mistakes
import numpy as np
import torch
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.apis import load_config
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.registry import MODELS

REPO = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds for one case; a machine may be busy
ENDINGS = ('sentence', 'unclear', 'traceback', 'silent', 'left behind')


@dataclass
class Result:
    """How a case ended, and what it printed."""

    case: mistakes.Mistake
    ending: str
    output: str


@dataclass
class Workshop:
    """A folder with data, leaves and checkpoints, good and bad, that mistakes are made with."""

    root: Path
    places: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Fill it."""
        for name in ('data', 'files', 'work', 'empty'):
            (self.root / name).mkdir()
        write_toy_streets(str(self.root / 'data'), ToyStreetsSpec(train=4, val=2, width=64, height=32))
        _write_digits(self.root / 'data' / 'digits')
        self.places = dict(
            root=str(self.root), repo=str(REPO), data=str(self.root / 'data'), work=str(self.root / 'work')
        )
        for name, text in mistakes.LEAVES.items():
            self._add(f'{name}.py', fill(text, self.places))
        for name, text in mistakes.FILES.items():
            self._add(name, fill(text, self.places))
        for name in ('stct', 'source', 'dann'):
            self._checkpoint(name)
        good = Path(self.places['stct.pth']).read_bytes()
        self._add('truncated.pth', good[: len(good) // 2])
        self._add('list.pth', b'')
        torch.save([torch.zeros(1)], self.places['list.pth'])
        self._add('foreign.pth', b'')
        torch.save(dict(state_dict=dict(weight=torch.zeros(3))), self.places['foreign.pth'])

    def _add(self, name: str, content: str | bytes) -> None:
        path = self.root / 'files' / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.places[name] = str(path)

    def _checkpoint(self, name: str) -> None:
        cfg = load_config(self.places[f'{name}.py'])
        with DefaultScope.overwrite_default_scope('mmuda'):
            model = MODELS.build(cfg.model)
        self._add(f'{name}.pth', b'')
        torch.save(dict(state_dict=model.state_dict(), meta=dict(iter=0)), self.places[f'{name}.pth'])

    def listing(self) -> set[str]:
        """Every path in it."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob('*')}


def _write_digits(folder: Path) -> None:
    """A handful of MNIST and USPS digits that are noise, each class among them."""
    folder.mkdir()
    images, labels = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8), np.arange(40) % 10
    np.savez(folder / 'mnist_t10k.npz', x=images, y=labels)
    np.savez(folder / 'usps.npz', x_train=images, y_train=labels, x_test=images, y_test=labels)


def import_all() -> None:
    """What the tools import, so that forked processes need not."""
    compat.apply()
    rooms = ('mmuda.engine', 'mmuda.models', 'mmuda.models.tasks.segmentation', 'mmuda.models.tasks.classification')
    for name in ('mmseg.models', 'mmseg.evaluation', 'mmpretrain.models', 'mmpretrain.datasets', *rooms):
        importlib.import_module(name)
    torch.set_num_threads(1)


def run(case: mistakes.Mistake, places: Mapping[str, str], folder: Path) -> int:
    """Start a case in a process of its own, in an empty folder; its process id."""
    folder.mkdir()
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        log = os.open(folder.with_suffix('.log'), os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, 'w', buffering=1, closefd=False) for number in (1, 2))
        os.chdir(folder)
        os.environ.update(MMUDA_DATA=places['data'], OMP_NUM_THREADS='1')
        os.environ.update(case.environment)
        status = _run_tool(REPO / 'tools' / case.tool, [fill(word, places) for word in case.words])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def fill(text: str, places: Mapping[str, str]) -> str:
    """Replace names of places in braces; other braces stay."""
    return re.sub(r'\{([\w.]+)\}', lambda found: places.get(found[1], found[0]), text)


def _run_tool(tool: Path, words: Sequence[str]) -> int:
    sys.argv = [str(tool), *words]
    sys.path[0] = str(tool.parent)
    try:
        runpy.run_path(str(tool), run_name='__main__')
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def judge(case: mistakes.Mistake, status: int, output: str, left: set[str], places: Mapping[str, str]) -> str:
    """How a case ended."""
    last = output.strip().split('\n')[-1]
    if 'Traceback' in output:
        return 'traceback'
    if status == 0:
        return 'silent'
    if not last.startswith('mmuda: error: ') or fill(case.names, places) not in last:
        return 'unclear'
    return 'left behind' if left else 'sentence'


def try_all(cases: Sequence[mistakes.Mistake], workshop: Workshop, processes: int) -> Iterator[Result]:
    """Run the cases, some at a time, each in a folder of its own."""
    before = workshop.listing()
    waiting, running = list(enumerate(cases)), {}
    while waiting or running:
        while waiting and len(running) < processes:
            number, case = waiting.pop(0)
            folder = workshop.root / 'work' / f'{number:03d}'
            running[run(case, workshop.places, folder)] = case, folder, time.monotonic()
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            time.sleep(0.01)
            for other, (_, _, started) in running.items():
                if time.monotonic() - started > PATIENCE:
                    os.kill(other, 9)
            continue
        case, folder, _ = running.pop(pid)
        log = folder.with_suffix('.log')
        output = log.read_text(errors='replace')
        left = {str(path.relative_to(folder)) for path in folder.rglob('*')}
        if case.tool == 'test.py':  # its log stays, as the work directory may be that of a training
            left = {name for name in left if name.partition('/')[0] != 'w'}
        shutil.rmtree(folder)
        log.unlink()
        if not running:
            left |= {name for name in workshop.listing() - before if '.mmuda_cache' not in name}
        ending = judge(case, os.waitstatus_to_exitcode(status), output, left, workshop.places)
        yield Result(case, ending, output + ''.join(f'\nleft behind: {name}' for name in sorted(left)))


def table(results: Sequence[Result]) -> str:
    """Endings of each kind of mistake, Markdown."""
    counts = Counter((result.case.kind, result.ending) for result in results)
    kinds = list(dict.fromkeys(result.case.kind for result in results))
    rows = [('mistakes', 'tried', *ENDINGS), ('---',) * (2 + len(ENDINGS))]
    for kind in kinds:
        numbers = [counts[kind, ending] for ending in ENDINGS]
        rows.append((kind, str(sum(numbers)), *map(str, numbers)))
    totals = [sum(counts[kind, ending] for kind in kinds) for ending in ENDINGS]
    rows.append(('all', str(sum(totals)), *map(str, totals)))
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def chosen(cases: Sequence[mistakes.Mistake], kind: str | None, each: int | None) -> list[mistakes.Mistake]:
    """The cases of one kind, or of all, and at most so many of each."""
    seen: Counter = Counter()
    kept = []
    for case in cases:
        seen[case.kind] += 1
        if kind in (None, case.kind) and (each is None or seen[case.kind] <= each):
            kept.append(case)
    return kept


def measure(
    kind: str | None = None, each: int | None = None, processes: int = 2, verbose: bool = False
) -> list[Result]:
    """Prepare a workshop, try mistakes, print what is not as it should be, and clear up."""
    import_all()
    with tempfile.TemporaryDirectory(prefix='wrong_commands_') as folder:
        workshop = Workshop(Path(folder))
        workshop.prepare()
        configs = {name: load_config(workshop.places[f'{name}.py']).to_dict() for name in ('stct', 'dann')}
        results = []
        for result in try_all(chosen(mistakes.all_mistakes(configs), kind, each), workshop, processes):
            results.append(result)
            if verbose or result.ending != 'sentence':
                print(f'[{result.ending}] {result.case.tool} {" ".join(result.case.words)}', flush=True)
                print(f'    {result.output.strip()[-1500:]}', flush=True)
        return results


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kind', help='of the first column (default: all)')
    parser.add_argument('--each', type=int, metavar='N', help='at most N of each kind (default: all)')
    parser.add_argument('--processes', type=int, default=2, help='at a time (default: 2)')
    parser.add_argument('--verbose', action='store_true', help='also print the sentences')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    started = time.monotonic()
    results = measure(args.kind, args.each, args.processes, args.verbose)
    print(table(results))
    used = sum(os.times()[:4])
    print(f'{time.monotonic() - started:.0f} s with {args.processes} processes, {used:.0f} s of processor time')
    sys.exit(any(result.ending != 'sentence' for result in results))


if __name__ == '__main__':
    main()
