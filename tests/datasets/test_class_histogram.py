"""What a histogram says, and to whom, without any file."""

import numpy as np
import pytest

from mmuda.datasets.class_histogram import ClassHistogram, class_histogram

NAMES = ('road', 'car', 'sky')


def histogram(*counts, seen=4, total=4, unit='pixel'):
    return ClassHistogram(NAMES[: len(counts) - 1], np.array(counts), seen, total, unit)


def problems(*counts, is_source=True, **options):
    return [tuple(problem) for problem in histogram(*counts, **options).problems(is_source)]


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
