"""Tiny trainings that are started, disturbed, and looked at afterwards.

    run = start(config, '--work-dir', folder)                   # tools/train.py in a process of its own
    run.wait_for(lambda: (folder / 'iter_2.pth').is_file())     # fails with the output when the process ends before
    run.send(signal.SIGKILL)
    assert run.end() == -signal.SIGKILL                         # the exit status, as subprocess counts it
    assert run.sentence == 'config file x.py does not exist'    # of the line "mmuda: error: ..."

A run is forked from the test's own process, which has imported everything: it costs a second instead of ten. Whatever
the test patches (``monkeypatch``) is in force there, too.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger

from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

REPO = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds; a test machine may be busy
SOURCE_ONLY = 'source_only/source-only_segformer_toy.py'
LEAF = """
_base_ = '{repo}/configs/{leaf}'
train_dataloader = dict(batch_size={batch}, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
param_scheduler = [dict(type='PolyLR', power=1.0, by_epoch=False, end=100)]
train_cfg = dict(max_iters=4, val_interval=100)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=-1), logger=dict(interval=1))
"""


class Run:
    """A tool that runs in a process of its own."""

    def __init__(self, tool: str, args: tuple, env: dict[str, str], log: Path) -> None:
        self.log = log
        fork = multiprocessing.get_context('fork')
        self.process = fork.Process(target=_run, args=(tool, [str(arg) for arg in args], env, log))
        self.process.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        """All that stands in stdout and stderr so far."""
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    @property
    def sentence(self) -> str:
        """What the last line says behind ``mmuda: error:``; there is no traceback."""
        last = self.output.strip().split('\n')[-1]
        assert last.startswith('mmuda: error: '), self.output[-4000:]
        assert 'Traceback' not in self.output, self.output[-4000:]
        return last.removeprefix('mmuda: error: ')

    def wait_for(self, event: Callable[[], object], pause: float = 0.01) -> None:
        """Wait until ``event()`` is true."""
        end = time.monotonic() + PATIENCE
        while not event():
            assert self.process.is_alive() or event(), f'ended early ({self.process.exitcode}): {self.output[-4000:]}'
            assert time.monotonic() < end, f'nothing happened: {self.output[-4000:]}'
            time.sleep(pause)

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self) -> int:
        """Wait for the process to end; return its exit status, −9 when SIGKILL ended it."""
        end = time.monotonic() + PATIENCE
        while self.process.is_alive():  # `join` would wait for data workers that have outlived it, too
            assert time.monotonic() < end, f'still running: {self.output[-4000:]}'
            time.sleep(0.01)
        return self.process.exitcode


def _run(tool: str, args: list[str], env: dict[str, str], log: Path) -> None:
    """The forked process: its own session, signals and output, then the tool as the command line runs it."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    with open(log, 'ab', buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(number, 'w', buffering=1, closefd=False) for number in (1, 2))
    os.environ.update(env)
    MMLogger._instance_dict.clear()  # loggers of the tests write to where these write
    sys.argv = [tool, *args]
    torch.set_num_threads(1)
    script = REPO / 'tools' / tool
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name='__main__')


def environment(data: Path) -> dict[str, str]:
    """What a run finds in its environment."""
    return dict(MMUDA_DATA=str(data), OMP_NUM_THREADS='1')


@pytest.fixture(scope='session')
def data(tmp_path_factory) -> Path:
    """A data root with a handful of toy streets."""
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(str(root), ToyStreetsSpec(train=4, val=2, width=64, height=32))
    return root


@pytest.fixture
def leaf(tmp_path) -> Callable[..., Path]:
    """``leaf('train_cfg.update(max_iters=9)')`` → a config, else of four steps and four checkpoints, source only.

    Other keywords: ``base`` (a leaf below ``configs/``), ``batch`` (images of a step), ``name``.
    """

    def make(more: str = '', base: str = SOURCE_ONLY, batch: int = 1, name: str = 'leaf') -> Path:
        path = tmp_path / f'{name}.py'
        path.write_text(LEAF.format(repo=REPO, leaf=base, batch=batch) + more)
        return path

    return make


@pytest.fixture(scope='session')
def warm() -> None:
    """Import what a run imports."""
    for name in ('mmseg.datasets', 'mmseg.evaluation', 'mmseg.models', 'mmuda.engine', 'mmuda.models', 'torchvision'):
        importlib.import_module(name)


@pytest.fixture
def start(warm, data, tmp_path) -> Callable[..., Run]:
    """``start(*arguments, tool='train.py', **environment)`` → a :class:`Run`; what still runs at the end is killed."""
    runs: list[Run] = []

    def _start(*args, tool: str = 'train.py', **env: str) -> Run:
        runs.append(Run(tool, args, environment(data) | env, tmp_path / f'output_{len(runs)}.txt'))
        return runs[-1]

    yield _start
    for run in runs:
        if run.process.is_alive():
            os.killpg(run.pid, signal.SIGKILL)
        run.process.join()


@pytest.fixture(scope='session')
def trained(warm, data, tmp_path_factory) -> tuple[Path, Path]:
    """The work directory of an undisturbed run, and its config: ``leaf()`` without more."""
    folder = tmp_path_factory.mktemp('undisturbed')
    (folder / 'leaf.py').write_text(LEAF.format(repo=REPO, leaf=SOURCE_ONLY, batch=1))
    run = Run('train.py', (folder / 'leaf.py', '--work-dir', folder / 'run'), environment(data), folder / 'output.txt')
    assert run.end() == 0, run.output
    return folder / 'run', folder / 'leaf.py'


@pytest.fixture(scope='session')
def state() -> Callable[[Path], dict]:
    """``state(path)`` → the weights of a checkpoint and the moments of its optimizer, one flat dict of tensors."""

    def read(path: Path) -> dict:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
        moments = checkpoint['optimizer']['state']
        return checkpoint['state_dict'] | {
            f'{number}.{name}': value for number, values in moments.items() for name, value in values.items()
        }

    return read


@pytest.fixture(scope='session')
def same(state) -> Callable[[Path, Path], bool]:
    """Whether two checkpoints are equal to the bit."""

    def compare(first: Path, second: Path) -> bool:
        ours, theirs = state(first), state(second)
        return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)

    return compare


@pytest.fixture
def ranks(start) -> Callable[..., list[Run]]:
    """``ranks(*arguments)`` → two runs that are the ranks of one training on this machine."""

    def _ranks(*args) -> list[Run]:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            group = dict(WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(probe.getsockname()[1]))
        return [start(*args, '--launcher', 'pytorch', RANK=rank, LOCAL_RANK=rank, **group) for rank in '01']

    return _ranks
