"""Class maps: tables, files and what is wrong with them."""

import json

import numpy as np
import pytest

from mmuda.datasets import DataError
from mmuda.datasets.class_map import IGNORE, UNKNOWN, identity_table, load_class_map, select_classes

GOOD = {'classes': ['road', 'car'], 'palette': [[1, 2, 3], [4, 5, 6]], 'map': {'7': 'road', '26': 1, '0': 'ignore'}}


def known(table):
    return {int(raw): int(table[raw]) for raw in np.flatnonzero(table != UNKNOWN)}


def test_identity():
    assert known(identity_table(3)) == {0: 0, 1: 1, 2: 2, 255: IGNORE}
    assert known(identity_table(3, reduce_zero_label=True)) == {0: IGNORE, 1: 0, 2: 1, 3: 2, 255: IGNORE}


def test_a_selection_ignores_the_other_classes():
    table = select_classes(identity_table(3), ['a', 'b', 'c'], ['c', 'a'])
    assert known(table) == {0: 1, 1: IGNORE, 2: 0, 255: IGNORE}
    with pytest.raises(DataError, match=r"asks for \['d'\]"):
        select_classes(table, ['a', 'b', 'c'], ['d'])


def test_a_dict_maps_names_numbers_and_ignore():
    loaded = load_class_map(GOOD)
    assert (loaded.classes, loaded.palette) == (['road', 'car'], [[1, 2, 3], [4, 5, 6]])
    assert known(loaded.table) == {7: 0, 26: 1, 0: IGNORE}


def test_without_a_map_ids_are_classes():
    assert known(load_class_map({'classes': ['a', 'b']}).table) == {0: 0, 1: 1, 255: IGNORE}


def test_other_ids_may_be_ignored():
    table = load_class_map({**GOOD, 'other': 'ignore'}).table
    assert (table[[7, 26, 0, 3, 60000]] == [0, 1, IGNORE, IGNORE, IGNORE]).all()


@pytest.mark.parametrize('name', ['classes.json', 'classes.yaml'])
def test_files(tmp_path, name):
    yaml = 'classes: [road, car]\npalette: [[1, 2, 3], [4, 5, 6]]\nmap: {7: road, 26: 1, 0: ignore}\n'
    (tmp_path / name).write_text(json.dumps(GOOD) if name.endswith('json') else yaml)
    loaded = load_class_map(name, str(tmp_path))
    assert known(loaded.table) == known(load_class_map(GOOD).table)
    assert loaded.palette == GOOD['palette']


@pytest.mark.parametrize(
    'wrong, text',
    [
        ({'classes': []}, 'no list `classes`'),
        ({**GOOD, 'colors': []}, r"unknown keys \['colors'\]"),
        ({**GOOD, 'classes': ['a', 'a']}, 'names a class twice'),
        ({**GOOD, 'palette': [[0, 0, 0]]}, '2 classes, but 1 colours'),
        ({**GOOD, 'other': 'drop'}, "other='drop'"),
        ({**GOOD, 'map': {'x': 0}}, "maps 'x', which is no label id"),
        ({**GOOD, 'map': {'70000': 0}}, "maps '70000', which is no label id"),
        ({**GOOD, 'map': {'7': 'rod'}}, "to 'rod': that is neither 'ignore' nor one of its 2 classes"),
        ({**GOOD, 'map': {'7': 2}}, 'to 2: that is neither'),
        ({**GOOD, 'map': {'7': True}}, 'to True: that is neither'),
    ],
)
def test_a_wrong_map_is_one_sentence(wrong, text):
    with pytest.raises(DataError, match=text):
        load_class_map(wrong)


def test_a_wrong_file_is_named(tmp_path):
    (tmp_path / 'broken.json').write_text('{"classes": ')
    with pytest.raises(DataError, match=r"class map '.*broken.json' cannot be read"):
        load_class_map('broken.json', str(tmp_path))
    with pytest.raises(DataError, match=r"'missing\.json' is neither below the data root"):
        load_class_map('missing.json', str(tmp_path))
