"""Each process embeds its batches; together they are those of one process, in the order of the data."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch import nn
from torch.utils.data import DataLoader

from mmuda.engine import embedding


class Numbers:
    """Image i is the number i."""

    sizes, num_sources = [3, 2, 4], 2

    def __len__(self):
        return 9

    def __getitem__(self, i):
        return dict(inputs=torch.full((1,), float(i)), data_samples=None)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.seen = []

    def data_preprocessor(self, data, training):
        return dict(inputs=torch.stack(data['inputs']))

    def embed(self, inputs, tap, domain):
        self.seen.append((domain, inputs.flatten().tolist()))
        return torch.cat((inputs, inputs + (100 if domain == 'target' else 0)), 1).double()


def embed(monkeypatch, world_size, workers=0):
    """What every rank passes through the model, and the rows that each has when their sums are taken."""
    models, tables = [], []
    for rank in range(world_size):
        monkeypatch.setattr(embedding.dist, 'get_rank', lambda rank=rank: rank)
        monkeypatch.setattr(embedding.dist, 'get_world_size', lambda: world_size)
        monkeypatch.setattr(embedding.dist, 'all_reduce', lambda x, op='sum': x.fill_(2) if op == 'max' else None)
        loader = DataLoader(Numbers(), batch_size=2, num_workers=workers, collate_fn=pseudo_collate)
        sampler = SimpleNamespace(every_sample=lambda draw: list(range(9)))
        runner = SimpleNamespace(model=Model(), train_dataloader=_with(loader, sampler))
        tables.append(embedding.embed_training_images(runner, 'neck', 0))
        models.append(runner.model)
    return [model.seen for model in models], tables


def _with(loader, sampler):
    names = ('dataset', 'batch_size', 'num_workers', 'collate_fn', 'worker_init_fn')
    return SimpleNamespace(sampler=sampler, **{name: getattr(loader, name) for name in names})


@pytest.mark.parametrize('world_size', [1, 2, 3, 7])
def test_parts_of_any_number_of_processes_make_the_same_table(monkeypatch, world_size):
    seen, tables = embed(monkeypatch, world_size)
    batches = [('source', [0, 1]), ('source', [2, 3]), ('source', [4]), ('target', [5, 6]), ('target', [7, 8])]
    assert [batch for n in range(5) for rank in seen for batch in rank[n : n + 1]] == batches
    expected = torch.arange(9.0)[:, None].repeat(1, 2)
    expected[5:, 1] += 100
    assert torch.equal(sum(tables), expected)
    assert all(table.dtype == torch.float32 for table in tables)
    owners = sum((table.any(1)).int() for table in tables)
    assert owners.tolist() == [0] + [1] * 8  # image 0 is the zero vector


def test_workers_and_the_random_state_do_not_matter(monkeypatch):
    state = torch.get_rng_state()
    assert torch.equal(embed(monkeypatch, 1, workers=2)[1][0], embed(monkeypatch, 1)[1][0])
    assert torch.equal(torch.get_rng_state(), state)


def test_batches_of_the_target():
    """Whole ones, of different images, other ones each time; a target smaller than a batch is one batch."""

    def read(size, count, draw):
        loader = _with(
            DataLoader(Numbers(), batch_size=size, collate_fn=pseudo_collate),
            SimpleNamespace(every_sample=lambda draw: list(range(9))),
        )
        runner = SimpleNamespace(model=Model(), train_dataloader=loader)
        return [x.flatten().tolist() for x in embedding.target_batches(runner, count, draw)]

    assert sorted(i for batch in read(2, 20, 0) for i in batch) == [5, 6, 7, 8]
    assert len(read(2, 1, 0)) == 1
    assert read(3, 20, 1) == read(3, 20, 1) != read(3, 20, 2)
    assert [len(batch) for batch in read(3, 20, 1)] == [3]
    assert [sorted(batch) for batch in read(16, 20, 0)] == [[5, 6, 7, 8]]
