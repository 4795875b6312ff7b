"""One image of the evaluation before the first step leaves nothing behind."""

from types import SimpleNamespace

from mmengine.evaluator import BaseMetric, Evaluator
from torch import nn
from torch.utils.data import DataLoader

from mmuda.apis.rehearsal import Rehearsal


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
