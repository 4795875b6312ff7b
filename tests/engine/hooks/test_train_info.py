"""Scalars are read together, and a loss that is not finite stops the run."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

from mmuda.engine.hooks import TrainInfoHook


@pytest.fixture
def run(tmp_path):
    hub = MessageHub('train_info')
    return SimpleNamespace(iter=0, max_iters=100, message_hub=hub, work_dir=str(tmp_path), hooks=[], cfg={})


def scalars(loss, device='cpu'):
    return dict(loss=torch.tensor(loss, device=device), coordination=torch.tensor(0.5, device=device))


def test_values_reach_the_log_at_once_on_a_cpu(run, domain_batch):
    TrainInfoHook().after_train_iter(run, 0, domain_batch(), scalars(2.0))
    assert run.message_hub.get_scalar('train/loss').current() == 2
    assert run.message_hub.get_scalar('train/coordination').current() == 0.5


def test_an_accelerators_values_wait_for_the_interval_or_a_checkpoint(run, monkeypatch):
    hook = TrainInfoHook(interval=5)
    read = []
    monkeypatch.setattr(hook, '_flush', lambda runner: read.append(runner.iter))
    run.hooks = [CheckpointHook(interval=7, by_epoch=False)]
    for run.iter in range(10):
        hook.after_train_iter(run, run.iter, None, scalars(1.0, 'meta'))
    assert read == [4, 6, 9]


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_loss_that_is_not_finite_names_step_images_terms_and_checkpoint(run, domain_batch, value, tmp_path):
    torch.save({}, tmp_path / 'iter_40.pth')
    run.iter = 41
    outputs = scalars(value) | dict(loss_source=torch.tensor(1.5), loss_target=torch.tensor(value))
    terms = r'loss=(nan|inf), loss_source=1\.5, loss_target=(nan|inf)'
    message = rf'not finite at step 42 \({terms}\).*s0\.png, t1\.png.*iter_40\.pth'
    with pytest.raises(FloatingPointError, match=message):
        TrainInfoHook().after_train_iter(run, 41, domain_batch('st'), outputs)


def test_weights_that_are_not_finite_are_not_saved(run):
    hook = TrainInfoHook()
    hook.before_save_checkpoint(run, dict(state_dict=dict(a=torch.ones(2), step=torch.tensor(3))))
    run.iter = 41
    hook.after_train_iter(run, 41, None, scalars(1.0))
    with pytest.raises(FloatingPointError, match=r'weights are not finite after step 42, .*no whole checkpoint'):
        hook.before_save_checkpoint(run, dict(state_dict=dict(a=torch.tensor([1.0, float('nan')]))))


def test_a_save_reads_what_is_pending_first(run):
    hook = TrainInfoHook()
    hook._pending = [(4, scalars(float('nan')), ['a.png'])]
    with pytest.raises(FloatingPointError, match='step 4 '):
        hook.before_save_checkpoint(run, dict(state_dict={}))


def test_bad_interval_is_named():
    with pytest.raises(ValueError, match='interval=0'):
        TrainInfoHook(interval=0)
