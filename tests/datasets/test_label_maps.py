"""Label maps as classes: ids that a class map knows, and ids that nobody knows."""

import cv2
import numpy as np
import pytest

from mmuda.datasets import DataError
from mmuda.datasets.class_map import identity_table, load_class_map
from mmuda.datasets.label_maps import read_label

LABEL = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)


def test_a_label_in_class_ids(tmp_path):
    cv2.imwrite(str(tmp_path / 'l.png'), LABEL)
    assert (read_label(str(tmp_path / 'l.png'), identity_table(3), 3) == LABEL).all()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_ids_are_mapped(tmp_path, dtype):
    ids = np.array([[7, 26], [0, 7]], dtype)
    scale = 1000 if dtype is np.uint16 else 1
    cv2.imwrite(str(tmp_path / 'l.png'), ids * dtype(scale))
    table = load_class_map({'classes': ['a', 'b'], 'map': {7 * scale: 0, 26 * scale: 1, 0: 'ignore'}}).table
    assert read_label(str(tmp_path / 'l.png'), table, 2).tolist() == [[0, 1], [255, 0]]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_unknown_ids_are_named(tmp_path, dtype):
    ids = np.arange(3, 12, dtype=dtype).reshape(3, 3)
    cv2.imwrite(str(tmp_path / 'l.png'), ids)
    with pytest.raises(DataError, match=r'l.png. has the value\(s\) 4, 5, 6, 7, 8, \.\.\. outside the class map of 4'):
        read_label(str(tmp_path / 'l.png'), identity_table(4), 4)


def test_255_is_unknown_to_a_map_that_does_not_name_it(tmp_path):
    """Where there is no `map` it is ignored, so the sentence says how a map ignores it."""
    cv2.imwrite(str(tmp_path / 'l.png'), LABEL)
    named = {0: 'a', 1: 'a', 2: 'a'}
    with pytest.raises(DataError, match=r'value\(s\) 255 outside .* in `class_map` \(`"255": "ignore"` for pixels'):
        read_label(str(tmp_path / 'l.png'), load_class_map({'classes': ['a'], 'map': named}).table, 1)
    table = load_class_map({'classes': ['a'], 'map': named | {'255': 'ignore'}}).table
    assert read_label(str(tmp_path / 'l.png'), table, 1).max() == 255


def test_254_is_no_way_around(tmp_path):
    cv2.imwrite(str(tmp_path / 'l.png'), np.full((2, 2), 254, np.uint8))
    with pytest.raises(DataError, match=r'value\(s\) 254 outside'):
        read_label(str(tmp_path / 'l.png'), identity_table(4), 4)
