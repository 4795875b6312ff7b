"""Names that files of users have, which rooms share: every reader and writer takes them."""

import os
from pathlib import Path

ODD_NAMES = (
    'with blanks',
    ' blank at both ends ',
    'Straße',
    '道路',
    '-dash',
    'two\nlines',
    'carriage\rreturn',
    'tab\tin it',
    'a,comma and a "quote"',
    "it's",
    '=1+1',
    '#hash %25 $HOME ~',
    '[0-9]*?',
    'a.b.c',
    'back\\slash',
    'colon: in it',
    os.fsdecode(b'latin \xe9'),  # no UTF-8, as old archives have it
    'long' * 60,
)
"""Without suffix; each is a name of its own on Linux."""


def odd_files(folder: Path, content: bytes, suffix: str = '.png') -> list[Path]:
    """Write a file of each name; return them sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(folder / f'{name}{suffix}' for name in ODD_NAMES)
    for path in paths:
        path.write_bytes(content)
    return paths
