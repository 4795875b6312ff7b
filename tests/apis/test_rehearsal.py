"""One image of the evaluation before the first step leaves nothing behind."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from torch import nn
from torch.utils.data import DataLoader

from mmuda.apis import UserError
from mmuda.apis.rehearsal import Rehearsal
from mmuda.models.views import BlockMask, FourierStyle


class Spread(BaseMetric):
    """Needs two images."""

    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(spread=1 / (len(results) - 1))


class Network(nn.Module):
    def val_step(self, batch):
        return [dict(value=1) for _ in batch]


def test_a_score_that_needs_more_images_than_one_counts_none_twice():
    evaluator = Evaluator(Spread())
    loop = SimpleNamespace(dataloader=DataLoader([0, 1, 2]), evaluator=evaluator)
    Rehearsal().before_train(SimpleNamespace(model=Network(), val_loop=loop, hooks=[]))
    assert evaluator.metrics[0].results == []


@pytest.mark.parametrize(
    'maker, sentence',
    [
        (BlockMask(block=64), r'masked \(BlockMask\): A block of 64 pixels does not fit into an image of 16×24'),
        (FourierStyle(beta=0.01), r'masked \(FourierStyle\): FourierStyle has beta=0.01, less than one frequency'),
        (BlockMask(block=16), None),
    ],
    ids=['block', 'frequency', 'fits'],
)
def test_training_images_of_a_size_that_a_part_cannot_take(maker, sentence):
    model, before = Network(), torch.get_rng_state()
    model.masked = maker
    model.data_preprocessor = lambda batch, training: dict(inputs=batch)
    images = DataLoader([torch.zeros(3, 16, 24)] * 3, collate_fn=lambda batch: torch.rand(()) + torch.stack(batch))
    runner = SimpleNamespace(model=model, val_loop=None, train_loop=SimpleNamespace(dataloader=images))
    if sentence is None:
        Rehearsal().before_train(runner)
    else:
        with pytest.raises(UserError, match=f'the training images do not suit {sentence}'):
            Rehearsal().before_train(runner)
    assert torch.equal(torch.get_rng_state(), before)
