"""Order over ranks, resumes and workers: identities of integer sequences."""

from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader

from mmuda.datasets import DataError, DomainDataset, DomainSampler, RareClassSampler

TWO = SimpleNamespace(sizes=[7, 5], num_sources=1)
THREE = SimpleNamespace(sizes=[4, 3, 5], num_sources=2)
SOURCE_ONLY = SimpleNamespace(sizes=[7], num_sources=1)


def take(sampler, count):
    return [(int(i), i.seed, i.rare_class) for i in islice(sampler, count)]


def batches(sampler, size, count):
    drawn = take(sampler, size * count)
    return [drawn[i : i + size] for i in range(0, len(drawn), size)]


@pytest.mark.parametrize('dataset, ratio', [(TWO, (1, 1)), (TWO, (2, 1)), (TWO, (3, 2)), (THREE, (1, 2, 3))])
def test_a_unit_is_the_ratio_with_sources_first(dataset, ratio):
    ends = torch.tensor(dataset.sizes).cumsum(0)
    expected = [stream for stream, share in enumerate(ratio) for _ in range(share)]
    for unit in batches(DomainSampler(dataset, ratio, seed=1), sum(ratio), 20):
        assert [int((ends <= index).sum()) for index, *_ in unit] == expected


def test_two_entries_pool_several_sources():
    units = batches(DomainSampler(THREE, (7, 5), seed=1), 12, 3)
    for unit in units:
        assert sorted(index for index, *_ in unit[:7]) == list(range(7))
        assert sorted(index for index, *_ in unit[7:]) == list(range(7, 12))


def test_without_a_target_its_entry_is_not_used():
    assert take(DomainSampler(SOURCE_ONLY, seed=4), 20) == take(DomainSampler(SOURCE_ONLY, (1,), seed=4), 20)
    pooled = SimpleNamespace(sizes=[4, 3], num_sources=2)
    assert sorted(index for index, *_ in take(DomainSampler(pooled, (1,), seed=4), 7)) == list(range(7))


def test_every_epoch_of_a_stream_is_another_permutation():
    sampler = DomainSampler(TWO, seed=3)
    sources = [index for index, *_ in take(sampler, 2 * 7 * 20)][::2]
    epochs = [tuple(sources[i : i + 7]) for i in range(0, 140, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len(set(epochs)) == 20


def test_without_shuffling_streams_run_in_order():
    drawn = [index for index, *_ in take(DomainSampler(TWO, seed=1, shuffle=False), 16)]
    assert drawn[::2] == [0, 1, 2, 3, 4, 5, 6, 0]
    assert drawn[1::2] == [7, 8, 9, 10, 11, 7, 8, 9]


@pytest.mark.parametrize('world_size', [2, 3, 4])
@pytest.mark.parametrize('ratio, units', [((1, 1), 1), ((1, 1), 2), ((2, 1), 2)])
def test_the_ranks_together_are_one_process(world_size, ratio, units):
    size = units * sum(ratio)
    whole = batches(DomainSampler(TWO, ratio, seed=5, rank=0, world_size=1), size * world_size, 6)
    ranks = [
        batches(DomainSampler(TWO, ratio, seed=5, rank=r, world_size=world_size), size, 6) for r in range(world_size)
    ]
    for n, batch in enumerate(whole):
        assert sorted(batch) == sorted(sample for rank in ranks for sample in rank[n])


@pytest.mark.parametrize('taken', [0, 1, 2, 5, 9, 30, 301])
@pytest.mark.parametrize('rank', [0, 1])
def test_a_resume_goes_on_where_it_stopped(taken, rank):
    straight = take(DomainSampler(TWO, (2, 1), seed=6, rank=rank, world_size=2), taken + 25)
    resumed = DomainSampler(TWO, (2, 1), seed=6, rank=rank, world_size=2)
    resumed.set_position(taken)
    assert take(resumed, 25) == straight[taken:]


def test_a_seed_set_later_counts():
    resumed = DomainSampler(TWO, seed=6)
    resumed.seed = 8
    assert take(resumed, 9) == take(DomainSampler(TWO, seed=8), 9) != take(DomainSampler(TWO, seed=6), 9)


def test_a_far_position_costs_one_permutation(monkeypatch):
    import numpy as np

    calls = []
    original = np.random.default_rng
    monkeypatch.setattr(np.random, 'default_rng', lambda seed: calls.append(seed) or original(seed))
    sampler = DomainSampler(TWO, seed=6)
    sampler.set_position(10**12)
    take(sampler, 2)
    assert len(calls) == 2


def test_every_sample_has_a_seed_of_its_own():
    seeds = [seed for _, seed, _ in take(DomainSampler(TWO, seed=6), 2000)]
    assert len(set(seeds)) == 2000


def test_length_is_one_pass_over_every_data_set():
    assert len(DomainSampler(TWO, seed=1)) == 14
    assert len(DomainSampler(TWO, (1, 3), seed=1)) == 28
    assert len(DomainSampler(TWO, seed=1, rank=1, world_size=2)) == 8


@pytest.mark.parametrize('ratio, units', [((1, 1, 1), 3), ((2, 1, 4), 2), ((2, 2, 1), 1), ((3, 2), 2)])
def test_an_epoch_by_sources_ends_where_one_runs_out(ratio, units):
    """Sources of 4 and 3 images (7 when pooled); the target's 5 do not count."""
    assert len(DomainSampler(THREE, ratio, seed=1, epoch='source')) == units * sum(ratio)


def test_ranks_share_an_epoch_by_sources():
    assert len(DomainSampler(THREE, (1, 1, 1), seed=1, rank=1, world_size=2, epoch='source')) == 3
    assert len(DomainSampler(THREE, (3, 3, 1), seed=1, rank=1, world_size=2, epoch='source')) == 0
    with pytest.raises(ValueError, match="epoch='target': use 'all' or 'source'"):
        DomainSampler(THREE, epoch='target')


def test_a_target_smaller_than_its_part_of_a_batch_is_named():
    dataset = SimpleNamespace(sizes=[3, 5], num_sources=1, names=['source 0 (A)', 'the target (B, /b)'])
    sampler = DomainSampler(dataset, (1, 1), seed=1)
    sampler.check_batch(10)  # a small source is repeated, as the labelled part of a semi-supervised set
    with pytest.raises(DataError, match=r'the target \(B, /b\) has 5 images, but a batch of 12 takes 6 of them'):
        sampler.check_batch(12)
    with pytest.raises(DataError, match='has 5 images, but a batch of 9 takes 6'):
        DomainSampler(dataset, (3, 6), seed=1).check_batch(9)
    DomainSampler(SOURCE_ONLY, seed=1).check_batch(1000)


def test_no_seed_is_one_of_its_own():
    assert isinstance(DomainSampler(TWO).seed, int)


@pytest.mark.parametrize('ratio', [(1, 0), (1, -1), (1, 1.5), (True, 1)])
def test_a_ratio_of_other_than_positive_whole_numbers_is_refused(ratio):
    with pytest.raises(DataError, match='no positive whole number'):
        DomainSampler(TWO, ratio, seed=1)


@pytest.mark.parametrize('ratio', [(), (1,), (1, 1, 1)])
def test_a_ratio_of_another_length_is_refused(ratio):
    with pytest.raises(DataError, match=f'{len(ratio)} entries for 1 source.* and 1 target'):
        DomainSampler(TWO, ratio, seed=1)


def test_an_empty_data_set_is_named():
    dataset = SimpleNamespace(sizes=[3, 0], num_sources=1, names=['source 0 (A)', 'the target (B, /b)'])
    with pytest.raises(DataError, match=r'the target \(B, /b\) is empty'):
        DomainSampler(dataset, seed=1)


def test_a_rank_outside_the_world_is_refused():
    with pytest.raises(ValueError, match='rank 2 is not one of 2 ranks'):
        DomainSampler(TWO, seed=1, rank=2, world_size=2)


def test_a_negative_position_is_refused():
    with pytest.raises(ValueError, match='start at sample -1'):
        DomainSampler(TWO, seed=1).set_position(-1)


@pytest.mark.parametrize('rare', [False, True])
def test_samples_do_not_depend_on_the_workers(make_folder, rare):
    dataset = DomainDataset(make_folder('a', 5).cfg(), make_folder('bb', 4).cfg(), rare_class_min_pixels=90)

    def load(num_workers):
        options = dict(seed=2, min_pixels=1) if rare else dict(seed=2)
        sampler = (RareClassSampler if rare else DomainSampler)(dataset, **options)
        loader = DataLoader(dataset, 4, sampler=sampler, num_workers=num_workers, collate_fn=list)
        return [sample for batch in islice(loader, 6) for sample in batch]

    here, elsewhere = load(0), load(2)
    for a, b in zip(here, elsewhere):
        assert torch.equal(a['inputs'], b['inputs'])
        assert torch.equal(a['data_samples'].gt_sem_seg.data, b['data_samples'].gt_sem_seg.data)
    assert len({a['inputs'].float().mean().item() for a in here}) == 24
