"""Names of classes, wherever a user gives them: what is no list of different names is one sentence."""

import re

import cv2
import numpy as np
import pytest

from mmuda.datasets import CIFAR10, DataError, Digits, FolderClassification, FolderSegmentation
from mmuda.datasets.class_map import load_class_map
from mmuda.datasets.class_names import class_list

WRONG = [
    ('road', "has no list `classes`, but 'road': give the names in brackets, such as [road,car]"),
    ([], 'has no list `classes`, but []'),
    (7, 'has no list `classes`, but 7'),
    (['a', 'b', 'a'], "names the class 'a' twice"),
    ([1, '1'], "names the class '1' twice"),
    ([None], 'has the class None: put names in quotes'),
    ([True], 'has the class True: put names in quotes'),
    ([1.5], 'has the class 1.5: put names in quotes'),
]


@pytest.fixture
def builders(tmp_path):
    """All that takes a list of classes."""
    for folder in ('1', '2'):
        (tmp_path / folder).mkdir()
        assert cv2.imwrite(str(tmp_path / folder / 'x.png'), np.zeros((4, 4, 3), np.uint8))
    np.savez(tmp_path / 'd.npz', x=np.zeros((2, 4, 4), np.uint8), y=np.arange(2))
    (tmp_path / 'test_batch.bin').write_bytes(bytes(3073))
    root = str(tmp_path)
    return dict(
        segmentation=lambda classes: FolderSegmentation(root, dict(img_path='1'), metainfo=dict(classes=classes)),
        folders=lambda classes: FolderClassification(root, metainfo=dict(classes=classes)),
        digits=lambda classes: Digits('d.npz', data_root=root, metainfo=dict(classes=classes)),
        cifar=lambda classes: CIFAR10(root, 'test', metainfo=dict(classes=classes)),
        class_map=lambda classes: load_class_map(dict(classes=classes)),
    )


@pytest.mark.parametrize('kind', ['segmentation', 'folders', 'digits', 'cifar', 'class_map'])
@pytest.mark.parametrize('classes, sentence', WRONG)
def test_what_is_no_list_of_names(builders, kind, classes, sentence):
    with pytest.raises(DataError, match=re.escape(sentence)):
        builders[kind](classes)


@pytest.mark.parametrize('kind', ['segmentation', 'class_map'])
def test_label_maps_hold_so_many_classes(builders, kind):
    builders[kind](list(range(254)))
    with pytest.raises(DataError, match='names 255 classes, and label maps of 8 bits hold 254: give fewer'):
        builders[kind](list(range(255)))


def test_numbers_are_names(builders):
    for kind in ('segmentation', 'folders', 'digits'):
        dataset = builders[kind]([1, 2])
        assert list(dataset.metainfo['classes']) == ['1', '2']
    assert builders['folders']([2, 1]).class_numbers() == [0, 1]


def test_a_file_has_one_a_line(tmp_path):
    (tmp_path / 'classes.txt').write_bytes(b'\xef\xbb\xbfroad\r\n\r\n traffic light \r\n')
    assert class_list(str(tmp_path / 'classes.txt'), 'metainfo') == ['road', 'traffic light']
