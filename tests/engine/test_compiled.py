"""Compiled encoders give the steps of the network as it is, in one graph a pass, and all else is left alone."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmuda.domain import DomainLayer
from mmuda.engine.compiled import CompiledEncoders, parts_of
from mmuda.engine.runners import MeanTeacherRunner, UDAFullyShardedDataParallel

EAGER = dict(backend='aot_eager')  # traces as any backend does, and runs torch's own kernels


@pytest.fixture(autouse=True)
def no_graphs():
    """Each test compiles anew: graphs belong to the code, not to the network."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


class Log(list):
    info = list.append


class Encoder(nn.Module):
    """Two stages; ``hurdle`` is what a compiler may stumble over."""

    def __init__(self, hurdle=lambda: None):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.stages = nn.ModuleList([nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()) for _ in range(2)])
        self.hurdle = hurdle

    def forward(self, x):
        self.hurdle()
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x


class Model(nn.Module):
    """A UDA model to look at, whose step is one pass of each network."""

    def __init__(self, *taps, **options):
        super().__init__()
        self.student = nn.ModuleDict(dict(head=nn.Conv2d(4, 2, 1)))
        self.student.backbone = Encoder(**options)
        self.teacher = nn.Module()
        self.teacher.backbone = Encoder(**options)
        self.terms = dict(alignment=SimpleNamespace(taps=taps))

    def train_step(self, x):
        return self.student.backbone(x) + self.teacher.backbone(x).detach()


def run(model, options=EAGER, steps=2):
    """The log of some steps, counted from 1."""
    log = Log()
    runner = SimpleNamespace(iter=0, logger=log)
    step = CompiledEncoders(model, options).stepping(model.train_step, runner)
    for number in range(steps):
        runner.iter = number
        step(torch.rand(2, 3, 8, 8))
    return log


def test_the_encoders_of_all_networks_are_compiled_and_said():
    model = Model('backbone', 'backbone.1', 'head')  # none of these is inside an encoder
    assert list(parts_of(model)) == ['student.backbone', 'teacher.backbone']
    assert str(CompiledEncoders(model, EAGER)) == (
        "Training steps run student.backbone and teacher.backbone compiled (torch.compile, backend 'aot_eager'), the "
        'first steps take longer; heads, terms and evaluations are not compiled.'
    )
    assert list(parts_of(model.student)) == ['backbone']


def test_a_graph_ends_where_a_term_taps():
    """The hooks of a tap come and go around a pass, which a graph would not notice."""
    model = Model('backbone.stages.0', 'head')
    assert list(parts_of(model)) == ['student.backbone.stages.0', 'student.backbone.stages.1', 'teacher.backbone']
    seen = []
    handle = model.student.backbone.stages[0].register_forward_hook(lambda *args: seen.append(args[-1]))
    assert run(model, steps=1) == ['Step 1 compiled: 2 graphs.']  # of a stage, and of the teacher's encoder
    handle.remove()
    assert run(model, steps=1) == []
    assert len(seen) == 1


def test_a_network_is_as_it_was_between_two_steps():
    model = Model()
    own = model.teacher.backbone.forward
    model.teacher.backbone.forward = lambda x: own(x)  # as mmengine's activation checkpointing sets one
    before = {name: dict(vars(part)) for name, part in parts_of(model).items()}
    names = list(model.state_dict())
    encoders = CompiledEncoders(model, EAGER)
    with encoders.in_use():
        assert all(part.forward is not before[name].get('forward') for name, part in parts_of(model).items())
        assert list(model.state_dict()) == names
    assert {name: vars(part) for name, part in parts_of(model).items()} == before


def test_a_step_that_compiles_says_so():
    assert run(Model(), steps=3) == ['Step 1 compiled: 1 graphs.']


def test_a_break_is_an_error_unless_pieces_are_asked_for():
    model = Model(hurdle=torch._dynamo.graph_break)
    with pytest.raises(
        RuntimeError, match=r'^The encoders cannot be compiled in step 1 \(.*graph_break.*\): set .*fullgraph=False'
    ):
        run(model)
    torch.compiler.reset()
    (line,) = run(model, dict(EAGER, fullgraph=False))
    assert line.startswith('Step 1 compiled: 1 graphs, with breaks, the first of them: Call to `torch._dynamo.graph_br')


def test_a_graph_for_every_step_is_an_error():
    model, sizes = Model(), iter(range(1, 9))
    model.train_step = lambda x: model.student.backbone(torch.rand(1, 3, 2, next(sizes)))
    with (
        torch._dynamo.config.patch(recompile_limit=2),
        pytest.raises(
            RuntimeError, match=r'^The encoders cannot be compiled in step 3 \(step after step .*dynamic=True'
        ),
    ):
        run(model, dict(EAGER, dynamic=False), steps=4)


def test_an_error_of_the_step_itself_stays_what_it_is():
    model = Model()
    model.train_step = lambda x: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(model)


def test_options_that_torch_refuses():
    with pytest.raises(ValueError, match=r"compile=\{.*'backend': 'gcc'\} is refused by torch\.compile \(.*gcc"):
        CompiledEncoders(Model(), dict(backend='gcc'))


def test_a_network_without_an_encoder():
    with pytest.raises(TypeError, match=r'^Linear has no backbone to compile: leave out --compile'):
        parts_of(nn.Linear(1, 1))


def test_an_encoder_with_taps_everywhere():
    model = Model('stages.0')
    model.student.backbone = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1)), nn.ReLU())
    model.terms['alignment'].taps = ('backbone.0.0',)
    with pytest.raises(
        ValueError, match=r'^The terms tap student\.backbone\.0\.0, which leaves nothing of student\.backb'
    ):
        parts_of(model)


def test_gathered_attention_is_refused():
    model = Model()
    model.student.backbone.stages[1].implementation = 'gathered'
    with pytest.raises(ValueError, match=r"^student\.backbone\.stages\.1 has implementation='gathered'"):
        CompiledEncoders(model, EAGER)


def test_checkpointed_layers_of_two_domains_are_refused():
    model = Model()
    model.student.backbone.with_cp = True  # of other layers
    CompiledEncoders(model, EAGER)
    model.student.backbone.stages[1].append(type('Norm', (DomainLayer, nn.Module), {})())
    with pytest.raises(
        ValueError, match=r'^student\.backbone has with_cp=True around a Norm, and .*: set with_cp=False'
    ):
        CompiledEncoders(model, EAGER)


@pytest.mark.parametrize('compile, compiled', [(None, False), (False, False), (True, True), (EAGER, True)])
def test_the_runner_compiles_encoders_and_not_the_step(compile, compiled):
    model = Model()
    runner = SimpleNamespace(cfg=Config(dict(compile=compile)), model=model, logger=Log(), iter=0)
    MeanTeacherRunner._maybe_compile(runner, 'train_step')
    assert ('train_step' in vars(model)) is compiled
    assert len(runner.logger) == compiled


def test_encoders_in_parts_are_refused():
    model = UDAFullyShardedDataParallel.__new__(UDAFullyShardedDataParallel)
    runner = SimpleNamespace(cfg=Config(dict(compile=True)), model=model)
    with pytest.raises(ValueError, match=r'^UDAFullyShardedDataParallel gathers .*: leave out --compile'):
        MeanTeacherRunner._maybe_compile(runner, 'train_step')
