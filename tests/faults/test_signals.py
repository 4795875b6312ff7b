"""A training that is asked to end finishes its step and writes it; what is resumed has the bits of a whole run."""

import os
import signal
import time

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmuda.engine.hooks import InterruptHook

TERM, INT, USR1 = signal.SIGTERM, signal.SIGINT, signal.SIGUSR1
STCT = 'stct/stct_segformer_toy.py'
HOOK = "custom_hooks = [dict(type='mmengine.Signaller', {})]\n"


@HOOKS.register_module()
class Signaller(Hook):
    """Sends a signal to its own process: in a step (counted from 1), in a validation, or before the training."""

    def __init__(self, number, at=0, in_val=False, rank=0):
        self.number, self.at, self.in_val, self.rank = number, at, in_val, rank

    def send(self, runner):
        if runner.rank == self.rank:
            os.kill(os.getpid(), self.number)

    def before_train(self, runner):
        if self.at == 0 and not self.in_val:
            self.send(runner)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if self.at == runner.iter + 1:
            self.send(runner)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if self.in_val:
            self.send(runner)


def stopped(number: int, step: int, work_dir) -> str:
    """What the last line says."""
    name = signal.Signals(number).name
    return (
        f'mmuda: {name}: stopped after step {step}, the checkpoint is {work_dir}/iter_{step}.pth; go on with --resume'
    )


def last_line(run) -> str:
    assert 'Traceback' not in run.output, run.output[-4000:]
    return run.output.strip().split('\n')[-1]


NEVER = 'default_hooks = dict(checkpoint=dict(interval=100))\n'
ACCUMULATION = 'optim_wrapper = dict(accumulative_counts=3)\n'
EPOCHS = """
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=1)
train_dataloader = dict(
    batch_size=1, num_workers=1, sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True)
)
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=1))
"""


@pytest.mark.parametrize(
    'number, leaves, more, step, last',
    [
        (TERM, dict(base=STCT, batch=2), NEVER, 2, 'iter_4.pth'),
        pytest.param(INT, {}, NEVER + ACCUMULATION, 3, 'iter_4.pth', marks=pytest.mark.slow),
        pytest.param(USR1, {}, EPOCHS, 2, 'epoch_1.pth', marks=pytest.mark.slow),
    ],
    ids=['SIGTERM-teacher', 'SIGINT-accumulation', 'SIGUSR1-epochs'],
)
def test_a_signal_ends_the_run_after_the_step(start, leaf, same, tmp_path, number, leaves, more, step, last):
    whole, work_dir = tmp_path / 'whole', tmp_path / 'run'
    config = leaf(more, **leaves)
    assert start(config, '--work-dir', whole).end() == 0
    run = start(leaf(more + HOOK.format(f'number={number:d}, at=2'), name='asked', **leaves), '--work-dir', work_dir)
    assert run.end() == 128 + number
    assert last_line(run) == stopped(number, step, work_dir)
    assert {path.name for path in work_dir.glob('*.pth')} == {f'iter_{step}.pth'}
    assert start(config, '--work-dir', work_dir, '--resume').end() == 0
    assert same(work_dir / last, whole / last)


@pytest.mark.slow
def test_two_ranks_stop_after_the_same_step(ranks, leaf, same, tmp_path):
    """Only the second one is asked."""
    config = leaf(NEVER)
    whole, work_dir = tmp_path / 'whole', tmp_path / 'run'
    assert [run.end() for run in ranks(config, '--work-dir', whole)] == [0, 0]
    runs = ranks(leaf(NEVER + HOOK.format('number=10, at=3, rank=1'), name='asked'), '--work-dir', work_dir)
    assert [run.end() for run in runs] == [138, 138]
    assert [last_line(run) for run in runs] == [stopped(USR1, 3, work_dir)] * 2
    assert [run.end() for run in ranks(config, '--work-dir', work_dir, '--resume')] == [0, 0]
    assert same(work_dir / 'iter_4.pth', whole / 'iter_4.pth')


@pytest.mark.slow
def test_a_signal_inside_a_validation_keeps_the_step(start, leaf, tmp_path):
    config = leaf(NEVER + 'train_cfg = dict(max_iters=4, val_interval=2)\n' + HOOK.format('number=15, in_val=True'))
    run = start(config, '--work-dir', tmp_path / 'run')
    assert run.end() == 143
    assert last_line(run) == stopped(TERM, 2, tmp_path / 'run')
    checkpoint = torch.load(tmp_path / 'run/iter_2.pth', weights_only=True)
    assert checkpoint['meta']['iter'] == 2


@pytest.mark.slow
def test_a_stock_runner_stops_and_goes_on(start, leaf, tmp_path):
    more = NEVER + "runner_type = 'Runner'\n"
    run = start(leaf(more + HOOK.format('number=15, at=2'), name='asked'), '--work-dir', tmp_path / 'run')
    assert run.end() == 143
    assert last_line(run) == stopped(TERM, 2, tmp_path / 'run')
    run = start(leaf(more), '--work-dir', tmp_path / 'run', '--resume')
    assert run.end() == 0
    assert 'resumed epoch: 0, iter: 2' in run.output
    assert (tmp_path / 'run/iter_4.pth').is_file()


@pytest.mark.slow
def test_a_signal_before_the_first_step_ends_the_run(start, leaf, tmp_path):
    config = leaf(HOOK.format('number=15'))
    run = start(config, '--work-dir', tmp_path / 'run')
    assert run.end() == 143
    assert last_line(run) == 'mmuda: SIGTERM: stopped'
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_a_second_signal_ends_the_run_at_once(start, leaf, monkeypatch, tmp_path):
    """Within two seconds it is a launcher's copy of the first."""
    monkeypatch.setattr(InterruptHook, 'after_train_iter', lambda *_, **__: time.sleep(100))
    run = start(leaf(), '--work-dir', tmp_path / 'run')
    run.wait_for(lambda: (tmp_path / 'run/last_checkpoint').is_file())
    run.send(TERM)
    run.send(USR1)
    time.sleep(2.5)
    assert run.process.is_alive()
    run.send(INT)
    assert run.end() == 130
    assert last_line(run) == 'mmuda: SIGINT again: ended at once'
