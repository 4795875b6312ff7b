"""One image of the evaluation before the first step leaves nothing behind."""

import multiprocessing
from datetime import timedelta
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
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


class Encoder(Network):
    """Halves its maps twice by windows of 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(3, 2, 8, stride=2), nn.Conv2d(2, 2, 8, stride=2))
        self.data_preprocessor = lambda batch, training: dict(inputs=batch)

    def extract_feat(self, inputs):
        return self.convs(inputs)


@pytest.mark.parametrize('size', [(20, 40), (40, 40), (80, 80)])
def test_training_images_too_small_for_the_encoder(size):
    images = DataLoader([torch.zeros(3, *size)] * 3, collate_fn=torch.stack)
    runner = SimpleNamespace(model=Encoder(), val_loop=None, train_loop=SimpleNamespace(dataloader=images))
    if min(size) < 24:
        with pytest.raises(UserError, match=r'training images of 20×40 pixels are too small .*Kernel size.*crop_size'):
            Rehearsal().before_train(runner)
    else:
        Rehearsal().before_train(runner)


class Foreign(BaseMetric):
    """Fails where it is told to, on one rank."""

    def __init__(self, place: str = '', rank: int = 0) -> None:
        super().__init__(prefix='theirs')
        self.place, self.rank = place, rank

    def _fail(self, place: str) -> None:
        if self.place == place and dist.get_rank() == self.rank:
            raise ZeroDivisionError('a bug of theirs')

    def process(self, data_batch, data_samples):
        self._fail('process')
        self.results += data_samples

    def compute_metrics(self, results):
        self._fail('compute_metrics')
        return dict(number=len(results))


class Exchanging(Foreign):
    """Exchanges results in its own way, so one rank cannot find the score."""

    def evaluate(self, size):
        raise AssertionError('the other ranks would wait')


class Named(Foreign):
    """Gives its score another name than the one that is chosen by."""

    def __init__(self) -> None:
        super().__init__()
        self.prefix = 'ours'


def _rank(rank, file, metric, pipe):
    store = dist.FileStore(file, 2)
    dist.init_process_group('gloo', store=store, rank=rank, world_size=2, timeout=timedelta(seconds=120))
    loop = SimpleNamespace(dataloader=DataLoader([0]), evaluator=Evaluator(metric))
    runner = SimpleNamespace(model=Network(), val_loop=loop, hooks=[SimpleNamespace(save_best='theirs/number')])
    try:
        Rehearsal().before_train(runner)
        pipe.send((len(metric.results), None))
    except UserError as error:
        pipe.send((None, str(error)))
    pipe.recv()


@pytest.mark.parametrize(
    'metric, expected',
    [
        (Foreign(), None),
        (Exchanging(), None),
        (
            Foreign('compute_metrics', 0),
            'fails on its first image: a bug of theirs (ZeroDivisionError in test_rehearsal',
        ),
        (Foreign('process', 1), 'fails on its first image: a bug of theirs (ZeroDivisionError in test_rehearsal'),
        (Named(), "has save_best='theirs/number', but the validation gives ours/number; did you mean"),
    ],
    ids=['good', 'exchanging', 'scores', 'images', 'choice'],
)
def test_all_ranks_refuse_when_one_does(metric, expected, tmp_path):
    """None of them waits for the one that failed."""
    fork = multiprocessing.get_context('fork')
    pipes = [fork.Pipe() for _ in range(2)]
    processes = [
        fork.Process(target=_rank, args=(rank, str(tmp_path / 'store'), metric, pipes[rank][1])) for rank in range(2)
    ]
    for process in processes:
        process.start()
    first, second = (ours.recv() for ours, _ in pipes)
    assert first == second
    assert expected in first[1] if expected else first == (0, None)
    for (ours, _), process in zip(pipes, processes):
        ours.send('end')
        process.kill()
        process.join()
