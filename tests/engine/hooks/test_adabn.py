"""When the target's statistics are taken, and every error."""

from types import SimpleNamespace

import pytest
from torch import nn

from mmuda.engine.hooks import AdaBNHook, adabn


class Model(nn.Module):
    """Notes at which steps it is adapted."""

    def __init__(self, norms=1):
        super().__init__()
        self.student, self.norms, self.passes = nn.Linear(1, 1), norms, []

    def adapt_norms(self, batches):
        if batches:
            self.passes.append(batches)
        return self.norms


def run(hook, model, monkeypatch, steps=7):
    monkeypatch.setattr(adabn, 'target_batches', lambda runner, count, draw: (count, draw))
    loader = SimpleNamespace(sampler=SimpleNamespace(every_sample=None))
    runner = SimpleNamespace(model=model, train_dataloader=loader, max_iters=steps)
    hook.before_train(runner)
    for runner.iter in range(steps):
        hook.after_train_iter(runner, runner.iter)
    return model.passes


def test_every_interval_and_at_the_end(monkeypatch):
    assert run(AdaBNHook(3, num_batches=5), Model(), monkeypatch) == [(5, 3), (5, 6), (5, 7)]
    assert run(AdaBNHook(7), Model(), monkeypatch) == [(20, 7)]
    assert run(AdaBNHook(0.5), Model(), monkeypatch) == [(20, 4), (20, 7)]  # a share of seven steps


def test_it_stands_before_the_checkpoint():
    from mmengine.hooks import CheckpointHook
    from mmengine.runner import get_priority

    assert get_priority(AdaBNHook(1).priority) < get_priority(CheckpointHook.priority)


def test_bad_input(monkeypatch):
    with pytest.raises(ValueError, match='interval=0 and num_batches=20'):
        AdaBNHook(0)
    with pytest.raises(ValueError, match='interval=1 and num_batches=0'):
        AdaBNHook(1, 0)
    with pytest.raises(TypeError, match='found no AdaBN in the Linear'):
        run(AdaBNHook(1), Model(norms=0), monkeypatch, steps=0)
    with pytest.raises(TypeError, match='this is a Linear'):
        run(AdaBNHook(1), nn.Linear(1, 1), monkeypatch)
    runner = SimpleNamespace(model=Model(), train_dataloader=SimpleNamespace(sampler=object()))
    with pytest.raises(TypeError, match='but a object does not'):
        AdaBNHook(1).before_train(runner)
