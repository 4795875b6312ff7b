"""Images of several sizes in one batch of evaluation."""

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.runner import loops

from mmuda.engine.runners import MeanTeacherValLoop, SizeGroupedTestLoop, SizeGroupedValLoop
from mmuda.engine.runners.size_groups import parts_of_one_size


class Sizes(BaseMetric):
    default_prefix = ''

    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(widths=results)


class Model(torch.nn.Module):
    predict_on = 'student'

    def val_step(self, data):
        return [(name, image.shape[-1]) for name, image in zip(data['data_samples'], torch.stack(data['inputs']))]

    test_step = val_step


class Runner:
    def __init__(self):
        self.model, self.calls = Model(), []

    def call_hook(self, name, **options):
        self.calls.append(name)


WIDTHS = (4, 4, 6, 4, 6, 6)
BATCH = dict(inputs=[torch.zeros(3, 2, width) for width in WIDTHS], data_samples=list('abcdef'))


@pytest.mark.parametrize('kind', [SizeGroupedValLoop, SizeGroupedTestLoop, MeanTeacherValLoop])
def test_every_image_is_predicted_in_its_order(kind):
    loop = kind.__new__(kind)
    loop._runner, loop.fp16, loop.networks = Runner(), False, ('student',)
    loop.evaluator, loop.val_loss, loop.test_loss = Evaluator(Sizes()), {}, {}
    loop.run_iter(0, BATCH)
    assert loop.evaluator.metrics[0].results == list(zip('abcdef', WIDTHS))
    with pytest.raises(RuntimeError, match='stack expects each tensor to be equal size'):
        next(base for base in (loops.ValLoop, loops.TestLoop) if issubclass(kind, base)).run_iter(loop, 0, BATCH)


def test_parts_keep_all_keys_and_other_batches_stay_whole():
    parts = list(parts_of_one_size(BATCH))
    assert [part['data_samples'] for part in parts] == [['a', 'b'], ['c'], ['d'], ['e', 'f']]
    views = dict(inputs=[[torch.zeros(3, 2, 2)], [torch.zeros(3, 4, 4)]], data_samples=[['a'], ['b']])
    for batch in (views, dict(inputs=torch.zeros(2, 3, 4, 4)), (1, 2)):
        assert list(parts_of_one_size(batch)) == [batch]
