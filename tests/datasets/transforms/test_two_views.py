"""A sample with two views: where they are, that a seed decides both, and that loaders and other models take it."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmengine.dataset import pseudo_collate

from mmuda.datasets import DataError, DomainDataset, DomainSampler, SampleIndex, TwoViews

PACK = dict(type='mmpretrain.PackInputs')
STRONG = [dict(type='mmuda.RandAugmentFixMatch'), dict(type='mmuda.Cutout', length=4)]
VIEWS = dict(type='mmuda.TwoViews', weak=[dict(type='mmuda.RandomTranslation'), PACK], strong=STRONG)


@pytest.fixture
def dataset(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / 'a.npz', x=rng.integers(0, 256, (20, 12, 12), np.uint8), y=np.arange(20) % 10)
    part = dict(type='mmuda.Digits', ann_file='a.npz', data_root=str(tmp_path), pipeline=[PACK])
    return DomainDataset(part, dict(part, pipeline=[VIEWS]))


@pytest.mark.parametrize('shape', [(6, 5), (6, 5, 3)])
def test_each_view_has_its_own_steps(shape):
    image = np.full(shape, 100, np.uint8)
    steps = [dict(type='mmuda.Cutout', length=20)]
    packed = TwoViews([PACK], steps)(dict(img=image, img_path='a.png', gt_label=3))
    channels = shape[2:] or (1,)
    assert torch.equal(packed['inputs'], torch.full((*channels, 6, 5), 100, dtype=torch.uint8))
    assert torch.equal(packed['data_samples'].strong_view, torch.zeros(*channels, 6, 5, dtype=torch.uint8))
    assert (packed['data_samples'].gt_label.item(), packed['data_samples'].img_path) == (3, 'a.png')
    packed = TwoViews([*steps, PACK], [])(dict(img=image))
    assert (packed['inputs'].max(), packed['data_samples'].strong_view.min()) == (0, 100)
    assert image.min() == 100


def test_channels_come_first_as_in_the_weak_view():
    image = np.random.randint(0, 256, (6, 5, 3), np.uint8)
    packed = TwoViews([PACK], [])(dict(img=image))
    assert torch.equal(packed['inputs'], packed['data_samples'].strong_view)


def test_a_seed_decides_both_views(dataset):
    first, again, other = (dataset[SampleIndex(25, seed=seed)] for seed in (4, 4, 5))
    assert torch.equal(first['data_samples'].strong_view, again['data_samples'].strong_view)
    assert torch.equal(first['inputs'], again['inputs'])
    assert not torch.equal(first['data_samples'].strong_view, other['data_samples'].strong_view)
    assert first['data_samples'].gt_label.item() == -100
    assert 'strong_view' not in dataset[3]['data_samples']


def test_workers_change_nothing(dataset):
    def load(workers):
        sampler = DomainSampler(dataset, (1, 2), seed=3)
        loader = DataLoader(dataset, 6, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate)
        return next(iter(loader))

    here, there = load(0), load(1)
    views = [[sample.get('strong_view') for sample in batch['data_samples']] for batch in (here, there)]
    assert [view is None for view in views[0]] == [True, False, False, True, False, False]
    assert all(a is b or torch.equal(a, b) for a, b in zip(*views))


def test_unpacked_weak_views_are_named():
    with pytest.raises(DataError, match=r'weak steps of TwoViews yield no packed sample: end them with .*PackInputs'):
        TwoViews([], STRONG)(dict(img=np.zeros((4, 4), np.uint8)))
