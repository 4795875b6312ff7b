"""A rank that hangs, or whose data worker is stopped, ends the run within the limit; a sentence names it."""

import multiprocessing
import os
import signal
import time

import pytest
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

LIMIT = 30  # seconds; a step on a busy machine is shorter
SETTINGS = """
env_cfg = dict(dist_cfg=dict(timeout={limit}))
train_dataloader = dict(batch_size=1, num_workers={workers}, persistent_workers=False)
custom_hooks = [dict(type='mmengine.Stall', how='{how}')]
"""


@HOOKS.register_module()
class Stall(Hook):
    """At step 3, rank 1 hangs, stops or is killed, or the only rank's data workers stop."""

    def __init__(self, how):
        self.how = how

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 < 3:
            return
        if self.how == 'workers':
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGSTOP)
        elif runner.rank == 1:
            time.sleep(1000) if self.how == 'hangs' else os.kill(os.getpid(), signal.Signals[self.how])


@pytest.mark.slow
def test_stopped_data_workers(start, leaf, tmp_path):
    config = leaf('train_cfg = dict(max_iters=20)' + SETTINGS.format(limit=LIMIT, workers=1, how='workers'))
    run = start(config, '--work-dir', tmp_path / 'run')
    assert run.end() == 1
    assert run.sentence.startswith(f'rank 0 (process {run.pid} on ')
    assert ') has been waiting for data (its worker process ' in run.sentence
    assert f'; go on with --resume from {tmp_path}/run/iter_' in run.sentence
    assert run.sentence.endswith(f'; the limit is env_cfg.dist_cfg.timeout={LIMIT}')


@pytest.mark.slow
def test_a_hanging_rank(ranks, leaf, tmp_path):
    runs = ranks(leaf(SETTINGS.format(limit=LIMIT, workers=0, how='hangs')), '--work-dir', tmp_path / 'run')
    assert [run.end() for run in runs] == [1, 1]
    for run in runs:
        assert run.sentence.startswith(f'rank 1 (process {runs[1].pid} on ')
        assert 'of 2 has been in step 3 for ' in run.sentence
        assert 'tests/faults/test_stalls.py:' in run.sentence
        assert ' (before_train_iter): the other ranks wait for it; ' in run.sentence


@pytest.mark.slow
@pytest.mark.parametrize('how', ['SIGSTOP', 'SIGKILL'])
def test_a_rank_without_a_sign_of_life(ranks, leaf, tmp_path, how):
    """Its loss is no error yet of the one that is left, when it was killed: who it was is asked first."""
    runs = ranks(leaf(SETTINGS.format(limit=LIMIT, workers=0, how=how)), '--work-dir', tmp_path / 'run')
    assert runs[0].end() == 1
    assert runs[0].sentence.startswith(f'rank 1 (process {runs[1].pid} on ')
    assert ' of 2 ranks gives no sign of life: the process has ended (look at its own messages) or ' in runs[0].sentence
    assert f'; go on with --resume from {tmp_path}/run/iter_' in runs[0].sentence
