"""docs/many_gpus.md: its commands run with two processes on a CPU; Slurm's, and lost machines, are tested elsewhere."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.fileio import load

from mmuda.apis.run_log import read_log
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

REPO = Path(__file__).resolve().parents[1]
LEAF = REPO / 'configs/stct/stct_segformer_toy.py'
TINY = [
    *(
        'crop_size=(64,96)',
        'train_cfg.val_interval=2',
        'train_dataloader.batch_size=2',
        'default_hooks.logger.interval=1',
    ),
    *(f'{part}_dataloader.num_workers=0' for part in ('train', 'val', 'test')),
    *(f'{part}_dataloader.persistent_workers=False' for part in ('train', 'val', 'test')),
]
PATIENCE = 1800  # seconds; a test machine may be busy


def lines() -> list[str]:
    """Its commands that start processes, as they stand on the page: in a block, then in the table."""
    text = (REPO / 'docs/many_gpus.md').read_text(encoding='utf-8')
    block = re.findall(r'^    (tools/dist_\w+\.sh .*)$', text, re.MULTILINE)
    return block + re.findall(r'`((?:[A-Z_]+=\S+ )*tools/dist_\w+\.sh [^`]*)`', text)


@pytest.fixture
def start(tmp_path):
    """``start(line, processes, work_dir, more=(), **variables)`` → the launcher of a line's command on the toy leaf."""
    write_toy_streets(str(tmp_path / 'data'), ToyStreetsSpec(train=4, val=2, width=96, height=64))
    started = []

    def _start(line: str, processes: int, work_dir: str, more: tuple[str, ...] = (), **variables) -> subprocess.Popen:
        words = shlex.split(line)
        script = next(number for number, word in enumerate(words) if word.startswith('tools/'))
        said = dict(word.split('=') for word in words[:script])
        arguments = [str(LEAF), *(['run/iter_2.pth'] if 'dist_test' in words[script] else []), str(processes)]
        rest = words[script + 1 + len(arguments) :]  # the page's own config, checkpoint and number are replaced
        options = [*TINY, *more]
        command = ['bash', REPO / words[script], *arguments, *rest, '--work-dir', work_dir, '--cfg-options', *options]
        env = os.environ | dict(OMP_NUM_THREADS='1', MMUDA_DATA='data') | said | variables
        env['PATH'] = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
        output = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(subprocess.Popen(command, cwd=tmp_path, env=env, **output))
        return started[-1]

    yield _start
    for process in started:
        process.kill()
        process.wait()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def ended(process: subprocess.Popen) -> str:
    """What it has said, if it ended well."""
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said[-4000:]
    return said


@pytest.mark.slow
def test_each_command_runs_with_two_processes(start, tmp_path):
    """A training, its test, one more training that goes on from it, and one of two machines."""
    train, test, machine, restarting = lines()
    here = dict(MASTER_ADDR='127.0.0.1', PORT=free_port())
    said = ended(start(train, 2, 'run', ('train_cfg.max_iters=2',), PORT=free_port()))
    assert 'GPU number: 2' in said
    assert 'mIoU' in read_log(tmp_path / 'run')[-1]

    ended(start(test, 2, 'test', PORT=free_port()))
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    assert 0 <= load(scores)['mIoU'] <= 100

    assert '--max-restarts' in restarting
    ended(start(restarting, 2, 'run', ('train_cfg.max_iters=4',), PORT=free_port()))
    *_, log = sorted((tmp_path / 'run').glob('*/vis_data/scalars.json'))
    assert (tmp_path / 'run/iter_4.pth').is_file()
    steps = {json.loads(line)['step'] for line in log.read_text().splitlines()}
    assert steps == {3, 4}  # it went on where the first training had ended

    pair = [start(machine, 1, 'pair', ('train_cfg.max_iters=2',), **here, NODE_RANK=rank) for rank in '01']
    assert ['GPU number: 2' in ended(process) for process in pair] == [True, False]  # the first rank speaks
    assert (tmp_path / 'pair/iter_2.pth').is_file()
