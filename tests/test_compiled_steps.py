"""With compiled encoders a step of each method has the losses of the network as it is, and a graph for each pass."""

import importlib.util
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)

from mmuda.engine.compiled import CompiledEncoders
from mmuda.engine.hooks import ChannelsLastHook

spec = importlib.util.spec_from_file_location('step_traces', Path(__file__).with_name('step_traces.py'))
recorder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorder)

SHALLOW = {'model.student.backbone.num_layers': [1, 1, 1, 1]}
HYBRID = {'model.student.backbone.implementation': 'masked'}
CASES = {
    'stct': ('stct', SHALLOW),
    'daformer': ('daformer', SHALLOW),
    'stct-mha': ('stct-mha', SHALLOW | HYBRID),
    'cdan': ('cdan', {}),
}
FURTHER = {f'{name} whole': (name, {}) for name in recorder.LEAVES} | {
    'amp': ('stct', SHALLOW | {'optim_wrapper.type': 'mmuda.BFloat16OptimWrapper'}),
}


@pytest.mark.parametrize('case', [*CASES, *(pytest.param(case, marks=pytest.mark.slow) for case in FURTHER)])
def test_a_step_with_compiled_encoders_is_the_step(case):
    """To the bit where no norm of two domains is: a compiler gets its plain formula."""
    name, options = (CASES | FURTHER)[case]
    if case != 'daformer':  # whose passes find the graphs of STCT's
        torch.compiler.reset()
    log = compiled_as_eager(name, options, 2)
    assert log or case == 'daformer'
    assert log[1:] == []  # the second step finds its graphs


def test_channels_last_compiles():
    torch.compiler.reset()
    log = compiled_as_eager('stct', SHALLOW, 2, lambda runner: ChannelsLastHook().before_run(runner))
    assert log == ['Step 1 compiled: 2 graphs.']


def test_steps_with_and_without_hybrid_attention_have_a_graph_each():
    """Which kind a step is, the host draws: neither a break nor a graph a step."""
    torch.compiler.reset()
    kinds = []

    def watch(runner):
        backbone, draw = runner.model.student.backbone, runner.model.student.backbone.draw_groups
        backbone.draw_groups = lambda *args: kinds.append(draw(*args)) or kinds[-1]

    log = compiled_as_eager('stct-mha', SHALLOW | HYBRID | {'model.student.backbone.mha_prob': 0.5}, 6, watch)
    hybrid = [layout.hybrid for layout in kinds]
    assert hybrid[:6] == hybrid[6:]
    changed = hybrid.index(not hybrid[0]) + 1
    assert set(hybrid[changed:6]) == {True, False}  # both kinds come again
    assert log == ['Step 1 compiled: 2 graphs.', f'Step {changed} compiled: 1 graphs.']


def compiled_as_eager(name, options, count, prepare=lambda runner: None):
    """What steps with compiled encoders log, whose losses are those of the same steps without."""
    log = []

    def compile_encoders(runner):
        prepare(runner)
        runner.logger = type('Logger', (), dict(info=log.append))
        encoders = CompiledEncoders(runner.model, dict(backend='aot_eager'))
        step = encoders.stepping(runner.model.train_step, runner)

        def counted(*args):
            losses = step(*args)
            runner.iter += 1
            return losses

        runner.model.train_step = counted

    with patch('mmuda.functional.pointwise.in_a_graph', return_value=True):  # the kernels that a graph has
        _, steps = recorder.run(read(name, options), count, prepare)
    _, compiled = recorder.run(read(name, options), count, compile_encoders)
    for step, before in zip(compiled, steps, strict=True):
        assert step == pytest.approx(before, rel=1e-5, abs=1e-6)
    return log


def read(name, options):
    leaf, own = recorder.LEAVES[name]
    return recorder.read(leaf, own | options)
