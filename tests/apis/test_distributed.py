"""Joining a process group; real groups are in tests/test_cli.py."""

import os
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.nn.parallel import DistributedDataParallel

from mmuda.apis import UserError, init_distributed, process_group
from mmuda.apis.distributed import RENDEZVOUS, is_main_process

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='what happens without a GPU')


@pytest.fixture
def joined(monkeypatch):
    """Note the back end instead of joining; start from a clean environment."""
    calls = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', lambda backend, **_: calls.append(backend))
    for name in (*RENDEZVOUS, 'SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'SLURM_NODELIST'):
        monkeypatch.delenv(name, raising=False)
    return calls


def test_one_process_joins_nothing(joined):
    cfg = Config(dict())
    init_distributed(cfg, 'none')
    assert cfg.launcher == 'none'
    assert joined == []


def test_a_missing_environment_is_named(joined):
    with pytest.raises(UserError, match=r'finds no RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT in'):
        init_distributed(Config(dict()), 'pytorch')


def test_a_launched_cpu_process_joins_gloo(joined, monkeypatch):
    for name in RENDEZVOUS:
        monkeypatch.setenv(name, '1')
    cfg = Config(dict())
    init_distributed(cfg, 'pytorch')
    assert joined == ['gloo']
    assert cfg.model_wrapper_cfg.device_ids is None


def test_our_runner_wraps_by_itself(joined, monkeypatch):
    for name in RENDEZVOUS:
        monkeypatch.setenv(name, '1')
    cfg = Config(dict(runner_type='mmuda.MeanTeacherRunner'))
    init_distributed(cfg, 'pytorch')
    assert 'model_wrapper_cfg' not in cfg


def test_slurm_s_variables_are_understood(joined, monkeypatch):
    for name, value in (('PROCID', '3'), ('NTASKS', '4'), ('LOCALID', '1')):
        monkeypatch.setenv(f'SLURM_{name}', value)
    monkeypatch.setenv('MASTER_ADDR', 'head')
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_PORT'):
        monkeypatch.setenv(name, '0')  # so that monkeypatch restores what the call sets
    init_distributed(Config(dict()), 'slurm')
    assert [os.environ[name] for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')] == ['3', '4', '1']
    assert joined == ['gloo']


@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='counts threads as Linux lists them')
def test_a_run_ends_with_its_threads(monkeypatch):
    """Also while the wrapped model, an owner of the group, waits for the garbage collector."""
    for name, value in dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1', MASTER_PORT=0).items():
        monkeypatch.setenv(name, str(value))
    before = set(os.listdir('/proc/self/task'))
    with process_group(Config(dict()), 'pytorch'):
        wrapped = DistributedDataParallel(torch.nn.Linear(2, 2))
        wrapped(torch.ones(1, 2)).sum().backward()
        wrapped.itself = [wrapped]
        del wrapped
        assert set(os.listdir('/proc/self/task')) - before
    assert not torch.distributed.is_initialized()
    deadline = time.monotonic() + 10  # Linux lists a thread for a moment after it has been joined
    while set(os.listdir('/proc/self/task')) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(os.listdir('/proc/self/task')) - before


def test_the_main_process(joined, monkeypatch):
    assert is_main_process()
    monkeypatch.setenv('SLURM_PROCID', '1')
    assert not is_main_process()
    monkeypatch.setenv('RANK', '0')
    assert is_main_process()
