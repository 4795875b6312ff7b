"""From the ids in a label file to the ids that a network learns, as one look-up table.

A class-mapping file is JSON or YAML, by its suffix, and is read as data: nothing in it is executed.

    {"classes": ["road", "car"], "palette": [[128, 64, 128], [0, 0, 142]],
     "map": {"7": "road", "26": "car", "0": "ignore"}, "other": "ignore"}

`map` values are class names, class numbers or "ignore"; without `map`, id i is class i. Ids that
are not mentioned are an error, unless `other` is "ignore". `palette` and `other` may be left out.
No key and no id may stand in it twice.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .class_names import class_list
from .errors import DataError
from .mapping_file import read_mapping

IGNORE = 255
UNKNOWN = 254  # what the table holds for ids that no class map mentions
NUM_IDS = 1 << 16


@dataclass
class ClassMap:
    """Classes, their colours (or None), and `table`, uint8 [65536]: id in the file -> class."""

    classes: list[str]
    palette: list[list] | None
    table: np.ndarray

    @property
    def ignores_others(self) -> bool:
        """Tell whether every id that is no class counts as ignored."""
        return not (self.table == UNKNOWN).any()

    @property
    def holds_class_ids(self) -> bool:
        """Tell whether the files have class ids and 255, as without a `map`."""
        number = np.arange(len(self.classes))
        return bool((self.table[number] == number).all() and self.table[IGNORE] == IGNORE)


def identity_table(num_classes: int, reduce_zero_label: bool = False) -> np.ndarray:
    """Return the table of a file that already holds class ids and 255; optionally 0 is 'no class'."""
    table = np.full(NUM_IDS, UNKNOWN, np.uint8)
    start = int(reduce_zero_label)
    table[start : start + num_classes] = np.arange(num_classes)
    table[IGNORE] = IGNORE
    if reduce_zero_label:
        table[0] = IGNORE
    return table


def select_classes(table: np.ndarray, old: Sequence[str], new: Sequence[str]) -> np.ndarray:
    """Return the table for a sub-list of classes; pixels of the classes left out are ignored."""
    unknown = [name for name in new if name not in old]
    if unknown:
        raise DataError(f'metainfo.classes asks for {unknown}, which this data set does not have: it has {list(old)}.')
    step = np.arange(256, dtype=np.uint8)
    step[: len(old)] = [new.index(name) if name in new else IGNORE for name in old]
    return step[table]


def stock_table(dataset: Any) -> np.ndarray:
    """Return the table that mmseg's `LoadAnnotations` amounts to for a labelled set of mmseg."""
    wanted = list(dataset.metainfo['classes'])
    known = list(type(dataset).METAINFO.get('classes') or wanted)
    table = identity_table(len(known), dataset.metainfo.get('reduce_zero_label', False))
    return select_classes(table, known, wanted)


def unknown_remedy(ids: Iterable[int]) -> str:
    """Return the remedy for ids that a class map does not mention; 255 is ignored only where there is no `map`."""
    void = f' (`"{IGNORE}": "ignore"` for pixels without a class)' if IGNORE in ids else ''
    return f'name them in `class_map`{void}'


def load_class_map(source: str | dict, data_root: str | None = None) -> ClassMap:
    """Read and check a class map from a file (relative to `data_root`) or a dict."""
    where = 'class_map'
    if isinstance(source, str):
        where = _find(source, data_root)
        source = read_mapping(where, 'class map')
    if not isinstance(source, dict):
        raise DataError(f"The class map '{where}' is {source!r}: it is a mapping of classes, palette, map and other.")
    unknown = sorted(set(source) - {'classes', 'palette', 'map', 'other'}, key=str)
    if unknown:
        raise DataError(
            f"The class map '{where}' has unknown keys {unknown}: it may have classes, palette, map and other."
        )
    return _parse(dict(source), where)


def _find(name: str, data_root: str | None) -> str:
    for path in (os.path.join(data_root or '', name), name):
        if os.path.exists(path):
            return path
    raise DataError(f"The class map '{name}' is neither below the data root '{data_root}' nor in the current folder.")


def _parse(source: dict, where: str) -> ClassMap:
    classes = class_list(source.get('classes'), f"The class map '{where}'", UNKNOWN)
    palette = source.get('palette')
    check_palette(palette, classes, f"The class map '{where}'")
    if source.get('other', 'error') not in ('ignore', 'error'):
        raise DataError(f"The class map '{where}' has other={source['other']!r}: it may be 'ignore' or 'error'.")
    table = identity_table(len(classes)) if 'map' not in source else _table(source['map'], classes, where)
    if source.get('other') == 'ignore':
        table[table == UNKNOWN] = IGNORE
    return ClassMap(classes, palette and [list(colour) for colour in palette], table)


def check_palette(palette: object, classes: Sequence[str], where: str) -> None:
    """Refuse a palette that is not one colour [red, green, blue] of 0 to 255 for each class; None is no palette."""
    if palette is None:
        return
    wrong = (
        [colour for colour in palette if not _is_colour(colour)] if isinstance(palette, (list, tuple)) else [palette]
    )
    if wrong:
        raise DataError(f'{where} has {wrong[0]!r} in its palette: a colour is [red, green, blue], each 0 to 255.')
    if len(palette) != len(classes):
        raise DataError(f'{where} has {len(classes)} classes, but {len(palette)} colours in its palette.')


def _is_colour(colour: object) -> bool:
    return (
        isinstance(colour, (list, tuple))
        and len(colour) == 3
        and all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in colour)
    )


def _table(mapping: dict, classes: list[str], where: str) -> np.ndarray:
    if not isinstance(mapping, dict):
        raise DataError(f"The class map '{where}' has map={mapping!r}: it is a mapping of label ids to classes.")
    table = np.full(NUM_IDS, UNKNOWN, np.uint8)
    seen: set[int] = set()
    for key, value in mapping.items():
        if not str(key).isdecimal() or int(key) >= NUM_IDS:
            raise DataError(
                f"The class map '{where}' maps '{key}', which is no label id: ids are "
                f'whole numbers from 0 to {NUM_IDS - 1}.'
            )
        if int(key) in seen:
            raise DataError(f"The class map '{where}' maps the label id {int(key)} twice.")
        seen.add(int(key))
        table[int(key)] = _class_number(value, classes, where)
    return table


def _class_number(value: int | str, classes: list[str], where: str) -> int:
    if value in ('ignore', IGNORE):
        return IGNORE
    if value in classes:
        return classes.index(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(classes):
        return value
    raise DataError(
        f"The class map '{where}' maps an id to {value!r}: that is neither 'ignore' "
        f'nor one of its {len(classes)} classes.'
    )
