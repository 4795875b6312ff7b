"""In a training step of any method the host asks nothing of the device: a step runs on tensors that hold no values.

On the `meta` device a number that is read, a shape that depends on values and a branch on a tensor are errors, as they
make the host wait for a GPU, where `test_cuda.py` looks at the same. What the host draws for itself is on the CPU.
"""

import importlib.util
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)

from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope

from mmuda.models.terms import EntropyLoss
from mmuda.registry import MODELS

spec = importlib.util.spec_from_file_location('step_traces', Path(__file__).with_name('step_traces.py'))
recorder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorder)


@pytest.fixture(scope='module')
def meta_kernels():
    """What torch lacks on this device: MixStyle's draw."""
    library = torch.library.Library('aten', 'IMPL', 'Meta')
    library.impl('_sample_dirichlet', lambda concentration, generator=None: torch.empty_like(concentration))
    yield
    library._destroy()


@pytest.fixture
def without_values(monkeypatch, meta_kernels):
    """``without_values(name)`` → the training step of that trace's model on the meta device."""
    autocast = torch.autocast  # knows no such device

    def known(device_type, *args, **kwargs):
        return nullcontext() if device_type == 'meta' else autocast(device_type, *args, **kwargs)

    monkeypatch.setattr(torch, 'autocast', known)

    def make(name):
        cfg = recorder.read(*recorder.LEAVES[name])
        with DefaultScope.overwrite_default_scope('mmuda'):
            model = MODELS.build(cfg.model)
        model.set_length(cfg.train_cfg.max_iters)
        model.teacher_updater = 'a test'
        model.to('meta').train()
        optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
        wrapper = OptimWrapper(optimizer)
        return lambda number=0: model.train_step(recorder.draw_batch(cfg, number), wrapper)

    return make


@pytest.mark.parametrize('name', recorder.LEAVES)
def test_a_step_needs_no_value_on_the_host(without_values, name):
    step = without_values(name)
    for number in range(2):
        log = step(number)
        assert 'loss' in log
        assert {value.device.type for value in log.values()} == {'meta'}


@pytest.mark.parametrize(
    'read',
    [torch.Tensor.item, bool, float, torch.Tensor.tolist, torch.Tensor.nonzero, torch.Tensor.cpu],
)
def test_a_step_that_reads_is_caught(without_values, monkeypatch, read):
    """Whatever makes the host wait: here a term that looks at its loss."""
    step = without_values('minent')
    forward = EntropyLoss.forward

    def reads(self, *args, **kwargs):
        losses = forward(self, *args, **kwargs)
        read(losses['loss'].detach())
        return losses

    monkeypatch.setattr(EntropyLoss, 'forward', reads)
    with pytest.raises((RuntimeError, NotImplementedError), match='meta'):
        step()
