"""Two gloo processes normalise as one process does that has the whole batch, whatever their shares."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name('norm_worker.py')
CASES = ['3,3:3,3', '1,4:5,2']


@pytest.fixture(scope='module')
def batch():
    """Source and target ``[6, 4, 3, 5]``."""
    generator = torch.Generator().manual_seed(0)
    source, target = torch.randn(2, 6, 4, 3, 5, dtype=torch.float64, generator=generator)
    return source.contiguous(), 2 * target + 1


def trained_ranks(batch, folder, repo, *options):
    """What each of the two ranks saved."""
    torch.save(batch, folder / 'batch.pth')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    group = dict(PYTHONPATH=str(repo), OMP_NUM_THREADS='1', MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE='2')
    processes = []
    for rank in range(2):
        command = [
            sys.executable,
            str(WORKER),
            str(folder / f'{rank}.pth'),
            str(folder / 'batch.pth'),
            *CASES,
            *options,
        ]
        env = dict(os.environ, **group, RANK=str(rank))
        processes.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True))
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors[0][-3000:]
    return [torch.load(folder / f'{rank}.pth') for rank in range(2)]


@pytest.fixture(scope='module')
def ranks(batch, tmp_path_factory, repo):
    return trained_ranks(batch, tmp_path_factory.mktemp('ranks'), repo)


@pytest.fixture(scope='module')
def whole(batch):
    """What one process makes of it."""
    spec = importlib.util.spec_from_file_location('norm_worker', WORKER)
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    return {name: worker.train(norm, *batch) for name, norm in worker.build(4).items()}


def assert_whole(ranks, whole, case, name):
    """Outputs, gradients and statistics are those of the whole batch."""
    first, second = (rank[case][name] for rank in ranks)
    joined = [tuple(torch.cat(pair) for pair in zip(*parts)) for parts in zip(first['parts'], second['parts'])]
    torch.testing.assert_close(joined, whole[name]['parts'])
    for rank in (first, second):
        torch.testing.assert_close(rank['gradients'], whole[name]['gradients'])
        torch.testing.assert_close(rank['buffers'], whole[name]['buffers'])


@pytest.mark.parametrize('case', CASES, ids=['even', 'uneven'])
@pytest.mark.parametrize('name', ['trans_norm', 'with_gradient', 'specific', 'ada', 'dial'])
def test_two_processes_are_one_with_the_whole_batch(ranks, whole, case, name):
    assert_whole(ranks, whole, case, name)


@pytest.mark.slow
def test_tritons_kernels_know_other_processes(batch, whole, tmp_path, repo):
    pytest.importorskip('triton')
    ranks = trained_ranks(batch, tmp_path, repo, '--triton')
    for case in CASES:
        for name in whole:
            assert_whole(ranks, whole, case, name)
