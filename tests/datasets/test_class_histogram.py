"""What a histogram says, and to whom; and what each kind of data set is counted as."""

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from PIL import Image

from mmuda import compat
from mmuda.datasets import Digits, FolderClassification
from mmuda.datasets.class_histogram import ClassHistogram, class_histogram
from mmuda.registry import DATASETS

compat.apply()

NAMES = ('road', 'car', 'sky')


def histogram(*counts, seen=4, total=4, unit='pixel'):
    return ClassHistogram(NAMES[: len(counts) - 1], np.array(counts), seen, total, unit)


def problems(*counts, is_source=True, **options):
    return [tuple(problem) for problem in histogram(*counts, **options).problems(is_source)]


@pytest.mark.parametrize('unit', ['image', 'pixel'])
def test_a_single_class_teaches_nothing(unit):
    one = ClassHistogram(('mug',), np.array([9, 1]), 3, 3, unit)
    assert [tuple(problem) for problem in one.problems(is_source=True)] == [
        ('error', "'mug' is the only class, with nothing to tell it from: name two or more")
    ]
    assert list(one.problems(is_source=False)) == []


def test_it_reads_as_a_sentence():
    text = str(histogram(9000, 940, 60, 1000, seen=4, total=9))
    assert text == 'road 90 %, car 9.4 %, sky 0.6 %; ignored 9.1 %, in 4 of 9 label maps'
    assert str(histogram(3, 1, 0, unit='image')) == 'road 75 %, car 25 %, in all 4 images'


def test_sums_of_sets():
    both = histogram(1, 2, 3, 4) + histogram(10, 20, 30, 40, seen=1, total=7)
    assert (both.counts.tolist(), both.seen, both.total) == ([11, 22, 33, 44], 5, 11)


@pytest.mark.parametrize('is_source', [True, False])
@pytest.mark.parametrize('unit', ['pixel', 'image'])
def test_nothing_is_wrong_with_balanced_labels(unit, is_source):
    assert problems(5, 5, 5, 3, unit=unit, is_source=is_source) == []


def test_a_sample_is_no_proof():
    assert [level for level, _ in problems(0, 0, 0, 9)] == ['error']
    assert [level for level, _ in problems(0, 0, 0, 9, total=5)] == ['warning']
    assert [level for level, _ in problems(5, 0, 9)] == ['error', 'warning']
    assert [level for level, _ in problems(5, 0, 9, total=5)] == ['warning', 'warning']


def test_what_is_almost_none_is_said_of_sources():
    found = problems(10**6, 50, 2000, 0)
    assert [level for level, _ in found] == ['warning']
    assert found[0][1].startswith("less than 0.01 % of the labelled pixels show 'car': draw it more often")
    assert problems(10**6, 50, 2000, 0, is_source=False) == []


def test_masks_of_more_classes_than_two_may_be_labels_of_another_kind():
    text = problems(5, 0, 0, 9)[0][1]
    assert text.startswith(
        "'road' is the only class that all 4 label maps show, of 3: if these are masks, 255 means 'ig"
    )
    assert text.endswith("'255': 'NAME'}); else check `class_map`, `reduce_zero_label` and the labels")
    assert problems(0, 5, 0, 9)[0][1].endswith('show, of 3: check `class_map`, `reduce_zero_label` and the labels')


def test_one_and_several():
    assert problems(5, 0, 0, unit='image')[0][1].endswith("'car' in all 4 images: it cannot be learned")
    assert problems(5, 0, 0, 0, unit='image')[0][1].endswith("'car', 'sky' in all 4 images: they cannot be learned")
    assert histogram(5, 0, seen=1, total=1).place == 'the only label map'


def test_mostly_ignored():
    assert problems(5, 5, 5, 85) == [
        ('warning', '85 % of all pixels in all 4 label maps are ignored: check that `class_map` names all ids')
    ]


def test_an_absent_class_is_worse_for_who_learns():
    assert problems(5, 5, 0, 0, unit='image')[0][0] == 'warning'
    assert problems(5, 5, 0, 0, is_source=False)[0][0] == 'note'


@pytest.mark.parametrize('dataset', [[], object()])
def test_sets_that_know_nothing_have_none(dataset):
    assert class_histogram([dataset] if dataset else []) is None


def by_folder(root):
    for name, count in (('a', 1), ('b', 3)):
        (root / name).mkdir()
        for i in range(count):
            Image.new('RGB', (4, 4)).save(root / name / f'{i}.png')
    return FolderClassification(data_root=str(root), metainfo=dict(classes=('a', 'b', 'c'))), [1, 3, 0, 0], 'image'


def by_list(root):
    by_folder(root)
    (root / 'list.txt').write_text('a/0.png 0\nb/1.png 2\n')
    listed = dict(ann_file='list.txt', metainfo=dict(classes=('a', 'b', 'c')))
    return FolderClassification(data_root=str(root), **listed), [1, 0, 1, 0], 'image'


def by_array(root):
    np.savez(root / 'a.npz', x=np.zeros((4, 8, 8), np.uint8), y=np.array([0, 3, 3, 9]))
    return Digits('a.npz', data_root=str(root)), [1, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0], 'image'


def by_pixel(root, kind='mmuda.FolderSegmentation'):
    for folder in ('images', 'labels'):
        (root / folder).mkdir()
    Image.fromarray(np.array([[0, 0, 2, 255]], np.uint8)).save(root / 'labels/a.png')
    Image.new('RGB', (4, 1)).save(root / 'images/a.png')
    options = dict(img_suffix='.png', seg_map_suffix='.png') if kind.startswith('mmseg') else {}
    prefix = dict(img_path='images', seg_map_path='labels')
    cfg = dict(type=kind, data_root=str(root), data_prefix=prefix, metainfo=dict(classes=('a', 'b', 'c')), **options)
    return DATASETS.build(cfg), [2, 0, 1, 1], 'pixel'


def by_host(root):
    return by_pixel(root, 'mmseg.BaseSegDataset')


@pytest.mark.parametrize('make', [by_folder, by_list, by_array, by_pixel, by_host])
def test_every_kind_of_data_set_is_counted(tmp_path, make):
    dataset, counts, unit = make(tmp_path)
    found = class_histogram([dataset])
    assert (found.counts.tolist(), found.unit, found.seen, found.total) == (counts, unit, len(dataset), len(dataset))
    twice = class_histogram([ConcatDataset([dataset, dataset])])
    assert twice.counts.tolist() == (2 * np.array(counts)).tolist()
    if unit == 'image':
        dataset.labelled = False
        assert class_histogram([dataset]) is None
