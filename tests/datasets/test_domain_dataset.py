"""Two domains in one set: order, labels that nobody may read, and crops of rare classes."""

import os
import shutil
from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mmuda.datasets import DataError, DomainDataset, DomainSampler, SampleIndex
from mmuda.registry import DATASETS


@pytest.fixture
def pair(make_folder):
    return make_folder('day', 5), make_folder('dusk', 3)


def build(source, target=None, **options):
    return DATASETS.build(dict(type='mmuda.DomainDataset', source=source, target=target, **options))


def same(a, b):
    truth = [sample['data_samples'].gt_sem_seg.data for sample in (a, b)]
    return torch.equal(a['inputs'], b['inputs']) and torch.equal(*truth)


def test_sources_come_first_and_every_sample_knows_its_domain(pair, make_folder):
    dataset = build([pair[0].cfg(), make_folder('more', 2).cfg()], pair[1].cfg())
    assert (dataset.sizes, dataset.num_sources, len(dataset)) == ([5, 2, 3], 2, 10)
    samples = [dataset[i]['data_samples'] for i in range(10)]
    assert [sample.domain for sample in samples] == ['source'] * 7 + ['target'] * 3
    assert [sample.get('source_index') for sample in samples] == [0] * 5 + [1] * 2 + [None] * 3
    paths = [dataset.get_data_info(i)['img_path'] for i in (4, 5, 7)]
    assert [path.split(os.sep)[-3:] for path in paths] == [
        ['day', 'images', '004.png'],
        ['more', 'images', '000.png'],
        ['dusk', 'images', '000.png'],
    ]
    assert list(dataset.metainfo['classes']) == ['road', 'car', 'sky']
    for outside in (10, -1):
        with pytest.raises(IndexError, match='is not one of 10 samples'):
            dataset[outside]


def test_built_parts_and_no_target(pair):
    source = DATASETS.build(pair[0].cfg())
    dataset = DomainDataset(source)
    assert (dataset.sizes, dataset.num_sources) == ([5], 1)
    assert dataset[0]['data_samples'].domain == 'source'
    assert build(source, DATASETS.build(pair[1].cfg())).sizes == [5, 3]


def test_a_source_keeps_its_labels(pair):
    sample = build(pair[0].cfg(), pair[1].cfg())[1]['data_samples']
    assert set(sample.gt_sem_seg.data.unique().tolist()) & {0, 1, 2}
    assert 'seg_map_path' in sample.metainfo


@pytest.mark.parametrize('built', [False, True])
def test_target_labels_are_all_ignored(pair, built):
    target = DATASETS.build(pair[1].cfg()) if built else pair[1].cfg()
    for i in range(3):
        sample = build(pair[0].cfg(), target)[5 + i]
        label = sample['data_samples'].gt_sem_seg.data
        assert label.shape == (1, *sample['inputs'].shape[-2:])
        assert label.dtype == torch.int64
        assert (label == 255).all()
        assert label.untyped_storage().nbytes() == 8  # a worker sends one number
        assert 'seg_map_path' not in sample['data_samples'].metainfo


def target_samples(pair, target):
    dataset = build(pair[0].cfg(), target)
    return [dataset[SampleIndex(5 + i, seed=i)] for i in range(3)]


@pytest.mark.parametrize('harm', ['deleted', 'directory', 'garbage', 'other labels'])
def test_nothing_notices_what_happens_to_the_target_labels(pair, harm):
    before = target_samples(pair, pair[1].cfg())
    labels = pair[1].root / 'labels'
    names = [path.stem for path in labels.iterdir()]
    shutil.rmtree(labels)
    if harm != 'deleted':
        labels.mkdir()
    for name in names if harm != 'deleted' else []:
        if harm == 'directory':
            (labels / f'{name}.png').mkdir()
        elif harm == 'garbage':
            (labels / f'{name}.png').write_bytes(b'poison')
        else:
            pair[1].label(name, np.ones((3, 3)))
    assert all(same(a, b) for a, b in zip(before, target_samples(pair, pair[1].cfg())))


def test_no_target_label_is_opened(pair, monkeypatch):
    """Also for a set that was built with its labels, whatever opens files."""
    opened = []
    from mmengine import fileio

    original = fileio.get
    monkeypatch.setattr(fileio, 'get', lambda path, **options: opened.append(str(path)) or original(path, **options))
    for target in (pair[1].cfg(), DATASETS.build(pair[1].cfg())):
        target_samples(pair, target)
    assert len(opened) == 6
    assert not [path for path in opened if 'labels' in path]


def test_a_stock_pipeline_that_needs_a_map_works_on_the_target(pair):
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='mmseg.LoadAnnotations'),
        dict(type='mmseg.RandomCrop', crop_size=(16, 16), cat_max_ratio=0.75),
        dict(type='mmseg.PackSegInputs'),
    ]
    assert build(pair[0].cfg(), pair[1].cfg(pipeline=pipeline))[5]['inputs'].shape == (3, 16, 16)


def test_a_seed_decides_the_sample(pair):
    dataset = build(pair[0].cfg(), pair[1].cfg())
    for index in (0, 6):
        first = dataset[SampleIndex(index, seed=1)]
        np.random.seed(99)
        assert same(first, dataset[SampleIndex(index, seed=1)])
        assert not same(first, dataset[SampleIndex(index, seed=2)])


def test_a_target_sample_says_which_class_its_index_was_taken_to_be(pair):
    dataset = build(pair[0].cfg(), pair[1].cfg())
    said = [
        dataset[index]['data_samples'].metainfo.get('pseudo_label')
        for index in (SampleIndex(6, pseudo_label=2), SampleIndex(6, pseudo_label=-1), SampleIndex(6), 6)
    ]
    assert said == [2, -1, None, None]
    assert 'pseudo_label' not in dataset[SampleIndex(0, pseudo_label=2)]['data_samples'].metainfo


def test_a_sample_leaves_the_random_states_alone(pair):
    dataset = build(pair[0].cfg(), pair[1].cfg())
    state = np.random.get_state()[1].copy()
    dataset[SampleIndex(0, seed=1)]
    assert (np.random.get_state()[1] == state).all()
    dataset[0]
    assert (np.random.get_state()[1] != state).any()


def rare(folder):
    """Class 2 in one corner that a 16×16 crop of 20×24 sometimes misses."""
    label = np.zeros((20, 24))
    label[:3, :3] = 2
    for i in range(5):
        folder.label(f'{i:03d}', label)


def shown(sample):
    return int((sample['data_samples'].gt_sem_seg.data == 2).sum())


def test_a_crop_is_drawn_until_the_rare_class_shows(pair):
    rare(pair[0])
    dataset = build(pair[0].cfg(), rare_class_min_pixels=0, rare_class_retries=60)
    plain = [shown(dataset[SampleIndex(0, seed=s)]) for s in range(30)]
    picked = [shown(dataset[SampleIndex(0, seed=s, rare_class=2)]) for s in range(30)]
    assert min(plain) == 0  # which is not more than the minimum
    assert min(picked) >= 1
    for seed in [s for s in range(30) if plain[s]]:  # the first draw was good: nothing is drawn again
        assert same(dataset[SampleIndex(0, seed=seed)], dataset[SampleIndex(0, seed=seed, rare_class=2)])


def test_the_last_draw_is_kept(pair, monkeypatch):
    rare(pair[0])
    dataset = build(pair[0].cfg(), rare_class_min_pixels=9, rare_class_retries=4)
    crops = []
    step = dataset.datasets[0].pipeline.transforms[2]
    original = type(step).transform
    monkeypatch.setattr(type(step), 'transform', lambda self, results: crops.append(1) or original(self, results))
    assert dataset[SampleIndex(0, seed=1, rare_class=2)]['inputs'].shape == (3, 16, 16)
    assert len(crops) == 5


def test_redrawing_loads_once_and_equals_loading_again(pair, monkeypatch):
    rare(pair[0])
    dataset = build(pair[0].cfg(), rare_class_min_pixels=10, rare_class_retries=3)
    index = SampleIndex(0, seed=3, rare_class=2)
    from mmuda.datasets import domain_dataset

    def simple(part, within):
        while True:
            yield part[within]

    quick = dataset[index]
    monkeypatch.setattr(domain_dataset, 'redraws', simple)
    assert same(quick, dataset[index])


def test_different_classes_are_refused(pair):
    with pytest.raises(DataError, match=r"'sky' only in source 0 \(FolderSegmentation, .*day\), 'tree' only in the t"):
        build(pair[0].cfg(), pair[1].cfg(metainfo=dict(classes=('road', 'car', 'tree'))))


def test_a_target_without_classes_is_fine(pair):
    assert build(pair[0].cfg(), pair[1].cfg(metainfo=None)).sizes == [5, 3]


def test_a_pipeline_that_does_not_pack_is_named(pair):
    with pytest.raises(DataError, match=r'pipeline of source 0 .* yields no packed sample'):
        build(pair[0].cfg(pipeline=[dict(type='mmuda.LoadImage')]))[0]


def test_no_source_and_two_targets_are_refused(pair):
    with pytest.raises(DataError, match='has no source'):
        build([])
    with pytest.raises(DataError, match='target is a list of 2'):
        build(pair[0].cfg(), [pair[1].cfg(), pair[1].cfg()])


def test_an_error_reaches_the_main_process_in_words(pair):
    (pair[0].root / 'labels' / '002.png').write_bytes(b'x')
    dataset = build(pair[0].cfg(), pair[1].cfg())
    loader = DataLoader(dataset, 2, sampler=DomainSampler(dataset, seed=1), num_workers=1, collate_fn=list)
    with pytest.raises(DataError, match=r'labels/002\.png. is no complete image'):
        list(islice(loader, 10))
