"""Taking label loading out of configs and of built data sets."""

import copy

import pytest
from mmengine.config import ConfigDict
from mmengine.dataset import ConcatDataset

from mmuda.datasets.label_free import has_labels, is_label_loader, load_no_labels, strip_labels, without_labels
from mmuda.registry import DATASETS


@pytest.mark.parametrize('name', ['LoadAnnotations', 'mmseg.LoadAnnotations', 'mmuda.LoadLabel', 'LoadDepthAnnotation'])
def test_what_reads_labels(name):
    assert is_label_loader(name)


@pytest.mark.parametrize('name', ['LoadImageFromFile', 'mmuda.LoadImage', 'PackSegInputs', None, 3])
def test_what_does_not(name):
    assert not is_label_loader(name)


def test_nested_transforms_and_wrapped_sets():
    part = dict(
        type='A',
        data_root='r',
        data_prefix=dict(img_path='i', seg_map_path='s'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='RandomApply', transforms=[dict(type='mmseg.LoadAnnotations')]),
            dict(type='RandomChoice', transforms=[[dict(type='LoadAnnotations')], [dict(type='Resize')]]),
        ],
    )
    cfg = dict(type='ConcatDataset', datasets=[part, dict(type='RepeatDataset', times=2, dataset=part)])
    before = copy.deepcopy(cfg)
    stripped = strip_labels(cfg)
    assert cfg == before
    assert 'LoadAnnotations' not in str(stripped)
    assert 'seg_map_path' not in str(stripped)
    assert str(stripped).count('mmuda.LoadIgnoreLabel') == 4
    assert str(strip_labels(ConfigDict(cfg))) == str(ConfigDict(stripped))


def test_the_default_prefix_has_labels_and_a_text_is_none():
    assert strip_labels(dict(type='A', data_root='r'))['data_prefix'] == dict(img_path='')
    assert strip_labels(dict(type='A', data_root='r', data_prefix='train'))['data_prefix'] == 'train'
    assert strip_labels(dict(type='A', ann_file='x')) == dict(type='A', ann_file='x')


def test_a_crop_does_not_look_for_classes():
    crop = dict(type='mmseg.RandomCrop', crop_size=(4, 4), cat_max_ratio=0.75)
    assert strip_labels([crop]) == [dict(type='mmseg.RandomCrop', crop_size=(4, 4))]


def test_a_built_set_stays_as_it_was(make_folder):
    nested = dict(type='RandomApply', transforms=[dict(type='mmuda.LoadLabel')], prob=1.0)
    pipeline = [dict(type='mmuda.LoadImage'), nested]
    dataset = ConcatDataset([DATASETS.build(make_folder('a', 2).cfg(pipeline=pipeline))])
    bare = without_labels(dataset)
    assert set(bare[0]['gt_seg_map'].ravel().tolist()) == {255}
    assert set(dataset[0]['gt_seg_map'].ravel().tolist()) == {0, 1, 2, 255}


def test_a_built_set_is_told_to_load_no_labels(make_folder):
    folder = make_folder('a', 2)
    cfg = folder.cfg(pipeline=[dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')])
    dataset = ConcatDataset([DATASETS.build(cfg), DATASETS.build(dict(cfg, data_prefix=dict(img_path='images')))])
    assert [has_labels(part) for part in dataset.datasets] == [True, False]
    assert has_labels([0]), 'what a set of another kind has nobody knows'
    load_no_labels(dataset)
    assert all(set(dataset[i]['gt_seg_map'].ravel().tolist()) == {255} for i in range(4))
