"""Entries of list files and class lists."""

from types import SimpleNamespace

import pytest

from mmuda.datasets import DataError
from mmuda.datasets.checks import (
    check_data_root,
    check_every_class_is_shown,
    check_list_entry,
    check_none_missing,
    check_same_classes,
)
from mmuda.datasets.class_images import ClassImages


def sets(*lists):
    return [SimpleNamespace(metainfo=dict(classes=classes) if classes else {}) for classes in lists]


@pytest.mark.parametrize('entry', ['../a', 'a/../../b', '/etc/passwd', 'a/..', '\\\\host\\a', 'C:/a', '..\\a'])
def test_entries_may_not_leave_the_folder(entry):
    with pytest.raises(DataError, match=r"in the list file 'train\.txt' leaves the image folder"):
        check_list_entry(entry, 'train.txt')


@pytest.mark.parametrize('entry, kept', [('a', 'a'), ('city/a_1', 'city/a_1'), ('./a', 'a'), ('a..b', 'a..b')])
def test_ordinary_entries_pass(entry, kept):
    assert check_list_entry(entry, 'train.txt') == kept


def test_a_missing_root_names_the_path_and_the_variable(monkeypatch):
    monkeypatch.setenv('MMUDA_DATA', '/elsewhere')
    with pytest.raises(DataError, match=r"'/no/such' does not exist.*MMUDA_DATA \(now '/elsewhere'\)"):
        check_data_root('/no/such')
    monkeypatch.delenv('MMUDA_DATA')
    with pytest.raises(DataError, match=r'MMUDA_DATA \(now unset\)'):
        check_data_root('/no/such')


def test_missing_files_are_counted_and_the_first_named():
    with pytest.raises(DataError, match=r'4 of 9 images have no label: a, b, c, \.\.\.; add them\.'):
        check_none_missing(list('abcd'), 9, 'images have no label', 'add them')
    check_none_missing([], 9, 'images have no label', 'add them')


def test_different_classes_are_named_on_both_sides():
    with pytest.raises(DataError, match=r"'b', 'c' only in A, 'd' only in B \(3 and 2 classes\); give both"):
        check_same_classes(sets(['a', 'b', 'c'], ['a', 'd']), ['A', 'B'])
    with pytest.raises(DataError, match=r"'b' only in A, nothing only in B \(2 and 1 classes\)"):
        check_same_classes(sets(['a', 'b'], ['a']), ['A', 'B'])


def test_another_order_is_another_list():
    with pytest.raises(DataError, match=r"in their order: class 1 is 'b' in A and 'c' in C"):
        check_same_classes(sets(['a', 'b', 'c'], ['a', 'b', 'c'], ['a', 'c', 'b']), ['A', 'B', 'C'])


def test_a_set_without_classes_takes_the_first_ones():
    assert check_same_classes(sets(['a', 'b'], None), ['A', 'B'])['classes'] == ['a', 'b']


class Listed(ClassImages):
    """Images of the given classes."""

    def __init__(self, *labels, **options):
        self.labels = labels
        super().__init__(**options)

    def load_data_list(self):
        return [dict(img_path=f'{i}.png', gt_label=label) for i, label in enumerate(self.labels)]


def test_a_class_that_no_source_shows_is_named():
    classes = ['mug', 'bike', 'lamp', 'pen']
    with pytest.raises(DataError, match=r'2 of 4 classes have no image in any source: bike, pen; add images of them'):
        check_every_class_is_shown([Listed(0, 0, 2)], classes)
    with pytest.raises(DataError, match='1 of 4 classes have no image in any source: pen'):
        check_every_class_is_shown([Listed(0, 1, 2, 3, indices=3)], classes)
    check_every_class_is_shown([Listed(0, 2), Listed(3, 1)], classes)  # each source shows a part
    check_every_class_is_shown([Listed(0)], None)


def test_wrapped_sets_are_looked_into_and_others_not_judged():
    class Wrapper:
        def __init__(self, **inner):
            self.__dict__.update(inner)

    nested = Wrapper(dataset=Wrapper(datasets=[Listed(0), Listed(1)]))
    check_every_class_is_shown([nested], ['mug', 'bike'])
    with pytest.raises(DataError, match='1 of 3 classes have no image in any source: lamp'):
        check_every_class_is_shown([nested], ['mug', 'bike', 'lamp'])
    check_every_class_is_shown([Listed(0), *sets(['mug', 'bike'])], ['mug', 'bike'])
