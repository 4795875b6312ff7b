"""Class maps: tables, files and what is wrong with them."""

import json

import numpy as np
import pytest
import yaml

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
        ({**GOOD, 'classes': ['a', 'a']}, "names the class 'a' twice"),
        ({**GOOD, 'classes': ['a', False]}, 'has the class False: put names in quotes'),
        ({**GOOD, 'palette': [[0, 0, 0]]}, '2 classes, but 1 colours'),
        ({**GOOD, 'palette': [[0, 0, 0], [0, 0]]}, r'has \[0, 0\] in its palette: a colour is'),
        ({**GOOD, 'palette': [[0, 0, 0], [0, 0, 256]]}, r'has \[0, 0, 256\] in its palette'),
        ({**GOOD, 'palette': [[0, 0, 0], [0.1, 0.2, 0.3]]}, 'in its palette: a colour is'),
        ({**GOOD, 'palette': 'rainbow'}, "has 'rainbow' in its palette"),
        ({**GOOD, 'map': ['road', 'car']}, r"map=\['road', 'car'\]: it is a mapping"),
        ({**GOOD, 'map': {'7': 'road', '07': 'car'}}, 'maps the label id 7 twice'),
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


@pytest.mark.parametrize(
    'name, text, reason',
    [
        ('broken.json', '{"classes": ', 'cannot be read: Expecting value'),
        ('broken.yaml', 'classes: [', 'cannot be read: while parsing'),
        (
            'twice.json',
            '{"classes": ["a"], "map": {"7": "a", "7": "a"}}',
            "cannot be read: the key '7' stands in it twice",
        ),
        ('twice.yml', 'classes: [a]\nclasses: [b]', "cannot be read: the key 'classes' stands in it twice"),
        ('deep.json', '[' * 10**5, 'cannot be read: maximum recursion'),
        ('empty.json', ' ', 'is empty: it has to be a mapping'),
        ('empty.yaml', '# nothing', 'is empty: it has to be a mapping'),
        ('list.json', '[]', 'holds a list: it has to be a mapping'),
        ('codes.yaml', b'\xff\xfe\xff', 'cannot be read'),
        ('map.pkl', 'x', "has the suffix '.pkl': it is read as .json, .yaml, .yml alone"),
        ('map', 'x', "has the suffix '': it is read as"),
        ('folder.json', None, 'cannot be read: Is a directory'),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, name, text, reason):
    path = tmp_path / name
    path.mkdir() if text is None else path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=rf"class map '.*{name}' {reason}"):
        load_class_map(name, str(tmp_path))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"'missing\.json' is neither below the data root"):
        load_class_map('missing.json', str(tmp_path))


def test_nothing_in_a_file_is_executed(tmp_path):
    marker = tmp_path / 'executed'
    payload = f"!!python/object/apply:os.mkdir ['{marker}']"
    (tmp_path / 'evil.yaml').write_text(f'classes: {payload}')
    yaml.unsafe_load(payload)
    assert marker.exists()  # the payload is alive
    marker.rmdir()
    with pytest.raises(DataError, match=r"evil\.yaml' cannot be read: could not determine a constructor"):
        load_class_map('evil.yaml', str(tmp_path))
    assert not marker.exists()


def test_an_alias_that_leads_back_ends(tmp_path):
    (tmp_path / 'loop.yaml').write_text('classes: &a [*a]')
    with pytest.raises(DataError, match='put names in quotes'):
        load_class_map('loop.yaml', str(tmp_path))
