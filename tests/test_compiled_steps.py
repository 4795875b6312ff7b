"""With compiled encoders a step of each method has the losses of the network as it is, and a graph for each pass."""

import importlib.util
from pathlib import Path

import pytest
import torch

for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)

from mmuda.engine.compiled import CompiledEncoders

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
    _, steps = recorder.run(read(name, options), count=2)
    log = []

    def compile_encoders(runner):
        runner.logger = type('Logger', (), dict(info=log.append))
        encoders = CompiledEncoders(runner.model, dict(backend='aot_eager'))
        runner.model.train_step = encoders.stepping(runner.model.train_step, runner)

    _, compiled = recorder.run(read(name, options), 2, compile_encoders)
    for step, before in zip(compiled, steps, strict=True):
        assert step == pytest.approx(before, rel=1e-5, abs=1e-6)
    assert log or case == 'daformer'
    assert log[1:] == []  # the second step finds its graphs


def read(name, options):
    leaf, own = recorder.LEAVES[name]
    return recorder.read(leaf, own | options)
