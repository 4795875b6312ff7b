"""When the hook stops, and which checkpoint it writes; whole runs are in tests/faults/test_signals.py."""

import signal
from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook

from mmuda.engine.hooks import InterruptHook, interrupt
from mmuda.processes import Interrupted, release


class Checkpoints(CheckpointHook):
    """Notes what it should write."""

    def _save_checkpoint_with_step(self, runner, step, meta):
        self.last_ckpt = f'run/{self.filename_tmpl.format(step)}'
        runner.saved.append((self.last_ckpt, meta, self.by_epoch, self.max_keep_ckpts))


def make_runner(*hooks, updates=True):
    return SimpleNamespace(
        iter=6,
        epoch=1,
        hooks=hooks,
        saved=[],
        closed=[],
        optim_wrapper=SimpleNamespace(should_update=lambda: updates),
        val_dataloader=[0, 1],
        visualizer=SimpleNamespace(close=lambda: None),
    )


@pytest.fixture
def asked(monkeypatch):
    """A hook in a process that SIGTERM has asked to end."""
    monkeypatch.setattr(interrupt, 'requested', lambda: signal.SIGTERM)
    hook = InterruptHook()
    hook.before_train(None)
    yield hook
    release()


def step(hook, runner):
    hook.before_train_iter(runner, runner.iter)
    hook.after_train_iter(runner, runner.iter)


@pytest.mark.parametrize('by_epoch, kept', [(False, 2), (True, -1)], ids=['steps', 'epochs'])
def test_the_checkpoint_is_of_this_step(asked, by_epoch, kept):
    """A hook that counts epochs does not count it among those that it keeps."""
    checkpoints = Checkpoints(by_epoch=by_epoch, max_keep_ckpts=2)
    runner = make_runner(checkpoints)
    with pytest.raises(Interrupted) as info:
        step(asked, runner)
    assert info.value.code == 143
    assert info.value.sentence.startswith('SIGTERM: stopped after step 7, the checkpoint is run/iter_7.pth')
    assert runner.saved == [('run/iter_7.pth', dict(epoch=1, iter=7), False, kept)]
    assert (checkpoints.by_epoch, checkpoints.max_keep_ckpts) == (by_epoch, 2)


def test_what_was_just_written_is_not_written_again(asked):
    checkpoints = Checkpoints(by_epoch=False)
    checkpoints.last_ckpt = 'run/iter_7.pth'
    runner = make_runner(checkpoints)
    with pytest.raises(Interrupted, match='143'):
        step(asked, runner)
    assert runner.saved == []


def test_without_a_checkpoint_hook_it_says_so(asked):
    with pytest.raises(Interrupted) as info:
        step(asked, make_runner())
    assert 'the run has no CheckpointHook, so nothing was written' in info.value.sentence


def test_half_a_sum_of_gradients_is_not_saved(asked):
    runner = make_runner(Checkpoints(by_epoch=False), updates=False)
    step(asked, runner)
    assert runner.saved == []


def test_a_batch_of_validation_is_asked_about_once(asked, monkeypatch):
    """Also where its images come in parts, and a rank has more batches than another: reductions have to match."""
    proposals = []
    monkeypatch.setattr(asked._agreement, 'propose', proposals.append)
    monkeypatch.setattr(asked._agreement, 'result', lambda: 0)
    monkeypatch.setattr(asked._agreement, 'smallest', lambda number: number - 1)
    runner = make_runner()
    asked.before_val_epoch(runner)
    for batch in (0, 0, 1):
        asked.before_val_iter(runner, batch)
        asked.after_val_iter(runner, batch)
    assert proposals == [signal.SIGTERM]
