"""The names of a data set's classes, as configs and class maps give them."""

import os
from typing import Any

from mmengine.fileio import list_from_file

from .errors import DataError


def class_list(names: Any, where: str, most: int | None = None) -> list[str]:
    """Return names of classes as text, after a check.

        >>> class_list(['road', 7], 'metainfo')
        ['road', '7']

    Args:
        names: a list of texts or whole numbers, or a file with one a line.
        where: what an error calls the place that they come from.
        most: how many there may be; None: any number.

    Raises:
        DataError: no list, an empty one, one that is too long, another kind of name, or a name that stands twice.
    """
    if isinstance(names, str) and os.path.isfile(names):
        names = [line for line in map(str.strip, list_from_file(names, encoding='utf-8-sig')) if line]
    if not isinstance(names, (list, tuple)) or not names:
        raise DataError(
            f'{where} has no list `classes`, but {names!r}: give the names in brackets, such as [road,car].'
        )
    wrong = [name for name in names if isinstance(name, bool) or not isinstance(name, (str, int))]
    if wrong:
        raise DataError(f'{where} has the class {wrong[0]!r}: put names in quotes.')
    found = list(map(str, names))
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{where} names the class '{twice}' twice: give each class one name.")
    if most is not None and len(found) > most:
        raise DataError(f'{where} names {len(found)} classes, and label maps of 8 bits hold {most}: give fewer.')
    return found
