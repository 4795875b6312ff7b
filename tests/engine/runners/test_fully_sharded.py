"""The wrapper in one process: a step, its states, and what it refuses; two processes: tests/engine/test_sharding.py."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

if not hasattr(torch.distributed.fsdp, 'fully_shard'):
    pytest.skip('torch has no FSDP2', allow_module_level=True)

from mmuda.engine.hooks import MeanTeacherHook, ShardHook
from mmuda.engine.runners import UDAFullyShardedDataParallel


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x):
        return self.linear(x).tanh()


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(2, 3)
        self.blocks = nn.ModuleList(Block() for _ in range(2))

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.head = Encoder(), nn.Linear(3, 1)

    def forward(self, x):
        return self.head(self.backbone(x))


class Model(nn.Module):
    """Learns what the teacher says of its inputs."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = Net(), Net().requires_grad_(False)

    def forward(self, x):
        return (self.student(x) - self.teacher(x)).square().mean()


@pytest.fixture
def group():
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def optim_wrapper(model, **options):
    return OptimWrapper(torch.optim.AdamW(model.student.parameters(), lr=0.1, fused=True), **options)


class Training:
    """A model that trains on random inputs, in parts or whole."""

    def __init__(self, sharded, **options):
        torch.manual_seed(0)
        self.model = Model()
        self.optim_wrapper = optim_wrapper(self.model, **options)
        if sharded:
            self.model = UDAFullyShardedDataParallel(self.model, device_ids=None)
        self.hook, self.iter, self.max_iters = MeanTeacherHook(momentum=0.25), 0, 100

    def run(self, steps, first=0):
        if isinstance(self.model, UDAFullyShardedDataParallel):
            ShardHook().before_train(self)
        self.hook.before_train(self)
        for step in range(first, first + steps):
            inputs = torch.randn(4, 2, generator=torch.Generator().manual_seed(step))
            self.optim_wrapper.update_params(self.model(inputs))
            self.hook.after_train_iter(self, step)
        return self

    def states(self):
        bare = getattr(self.model, 'module', self.model)
        with getattr(self.model, 'whole_states', lambda _: torch.no_grad())(self.optim_wrapper):
            return bare.state_dict(), self.optim_wrapper.state_dict()


def assert_equal(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)
    assert list(found) == list(expected)


@pytest.mark.parametrize('options', [{}, dict(clip_grad=dict(max_norm=0.01)), dict(accumulative_counts=2)])
def test_steps_and_states_are_those_of_a_whole_model(group, options):
    sharded, whole = (Training(kind, **options).run(4) for kind in (True, False))
    found, expected = sharded.states(), whole.states()
    assert_equal(found[0], expected[0])
    assert_equal(found[1], expected[1])
    assert {type(value) for value in found[0].values()} == {torch.Tensor}
    assert hasattr(sharded.model.module.student.backbone.stem.weight, 'to_local')
    assert hasattr(sharded.model.module.teacher.backbone.blocks[1].linear.weight, 'to_local')
    assert not hasattr(sharded.model.module.student.head.weight, 'to_local')


def test_a_training_goes_on_from_whole_states(group):
    """Moments are cut with the weights."""
    expected = Training(False).run(4).states()
    half, second = Training(False).run(2).states(), Training(True)
    second.model.module.load_state_dict(half[0])
    second.optim_wrapper.load_state_dict(half[1])
    second.iter = 2
    found = second.run(2, first=2).states()
    assert_equal(found[0], expected[0])
    assert_equal(found[1], expected[1])


def test_an_evaluation_sees_whole_encoders(group):
    training = Training(True)
    hook = ShardHook()
    hook.before_train(training)
    stem = training.model.module.teacher.backbone.stem
    hook.before_val(training)
    assert not hasattr(stem.weight, 'to_local')
    with torch.no_grad():
        training.model.module.teacher(torch.zeros(1, 2))
    assert not hasattr(stem.weight, 'to_local')
    hook.after_val(training)
    assert hasattr(stem.weight, 'to_local')


def test_a_scaled_loss_is_refused(group):
    model = UDAFullyShardedDataParallel(Model(), device_ids=None)
    with pytest.raises(ValueError, match='trains without a scaled loss, but optim_wrapper is a SimpleNamespace'):
        model.shard(SimpleNamespace(loss_scaler=None))


def test_weights_in_another_order_are_refused(group):
    model = Model()
    model.student.backbone.conv = nn.Conv2d(3, 3, 3).to(memory_format=torch.channels_last)
    with pytest.raises(ValueError, match='cuts contiguous weights, but some are in channels last: leave out'):
        UDAFullyShardedDataParallel(model, device_ids=None).shard(SimpleNamespace())


def test_without_the_runner_that_shards_it_no_step_is_made(group):
    with pytest.raises(RuntimeError, match=r"has not been sharded: train with runner_type='mmuda\.MeanTeacherRunner'"):
        UDAFullyShardedDataParallel(Model(), device_ids=None).train_step({}, None)
