"""Checkpoints that were written before the training step was one of views and terms: they load, and a resume goes on.

Each is of step 2 of 4, of `train_worker.py --small` (`adversarial`: with `--classify`). What step 4 came to then stands
in `tests/data/resumed.json`, with the machine that it was computed on; on another one sums are compared.
"""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch

for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)

TESTS = Path(__file__).resolve().parents[1]
OPTIONS = dict(stct=[], adversarial=['--classify'])
RECORDED = json.loads((TESTS / 'data' / 'resumed.json').read_text())


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def worker():
    """`train_worker.py` within this process; it asks for deterministic kernels, which other tests do not."""
    threads = torch.get_num_threads()
    yield load(TESTS / 'engine' / 'train_worker.py')
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


@pytest.mark.parametrize('name', OPTIONS)
def test_an_old_checkpoint_is_resumed(worker, tmp_path, name):
    file = tmp_path / 'iter_2.pth'
    shutil.copy(TESTS / 'data' / 'checkpoints' / f'{name}_iter_2.pth', file)
    (tmp_path / 'last_checkpoint').write_text(str(file))
    runner = worker.RUNNERS.build(
        worker.config(worker.parse([str(tmp_path), '--small', '--resume', '--max-iters', '4', *OPTIONS[name]]))
    )
    model = runner.train()
    assert model.step == 4
    traces, recorded = load(TESTS / 'step_traces.py'), RECORDED['states'][name]
    now = traces.digest(model)
    if traces.machine() == RECORDED['machine']:
        assert now == recorded
    for part, before in recorded.items():
        assert now[part]['count'] == before['count']
        assert now[part]['sum'] == pytest.approx(before['sum'], rel=1e-3), part
