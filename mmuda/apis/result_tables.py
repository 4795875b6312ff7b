"""Tables of what was predicted, a line an image: of classifiers the scores, of segmentors the shares of the classes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import numpy as np

from mmuda.storage import atomic_write

from .errors import UserError


class ResultTable:
    """A CSV file whose lines begin with an image and end with a number for each class.

    A line is on the disk as soon as it is added. A table that is there is gone on with: its lines stay, but for images
    that are predicted again.

    Args:
        path: of the file; its folder is made with the first line.
        columns: what stands between the image and the classes.
        classes: their names.

    Raises:
        UserError: the table that is there is of other classes, or none.
    """

    def __init__(self, path: Path, columns: Sequence[str], classes: Sequence[str]) -> None:
        self.path, self.header, self.first = path, ['image', *columns, *classes], 1 + len(columns)
        self.former = self._read() if path.is_file() else {}
        self.added: dict[str, list[str]] = {}
        self._file: TextIO | None = None

    def add(self, image: str, cells: Sequence[str]) -> None:
        """Write the line of an image."""
        self.added[image] = [image, *cells]
        if self._file is None:
            self._file = self._open()
        _write_rows(self._file, [self.added[image]])
        self._file.flush()

    def close(self) -> None:
        """Leave one line an image, those of this table last."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        rows = {image: row for image, row in self.former.items() if image not in self.added} | self.added
        with atomic_write(self.path, 'w') as file:
            _write_rows(file, [self.header, *rows.values()])

    def _open(self) -> TextIO:
        """Open the file behind its former lines; a line that a killed process has cut is gone."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path, 'w') as file:
            _write_rows(file, [self.header, *self.former.values()])
        return open(self.path, 'a', newline='', encoding='utf-8', errors='surrogateescape')

    def _read(self) -> dict[str, list[str]]:
        with open(self.path, newline='', encoding='utf-8', errors='surrogateescape') as file:
            header, *rows = [*csv.reader(file)] or [[]]
        if header != self.header:
            raise _of_others(self.path, header[self.first :], self.header[self.first :])
        return {row[0]: row for row in rows if len(row) == len(header)}


class ShareTable(ResultTable):
    """`shares.csv`: which share of an image's pixels each class has."""

    def __init__(self, folder: str | Path, classes: Sequence[str]) -> None:
        super().__init__(Path(folder, 'shares.csv'), [], classes)

    def add_map(self, image: str, label: np.ndarray) -> None:
        """Write the line of an image with the label map ``[H, W]``."""
        self.add(image, [f'{share:.6f}' for share in class_shares(label, len(self.header) - 1)])


class ShareFile:
    """`shares.json`: the same as an object of images, each an object of classes; written when it is closed."""

    def __init__(self, folder: str | Path, classes: Sequence[str]) -> None:
        self.path, self.classes = Path(folder, 'shares.json'), list(classes)
        self.former = self._read() if self.path.is_file() else {}
        self.added: dict[str, dict[str, float]] = {}

    def add_map(self, image: str, label: np.ndarray) -> None:
        """Note an image with the label map ``[H, W]``."""
        shares = class_shares(label, len(self.classes))
        self.added[image] = {name: round(float(share), 6) for name, share in zip(self.classes, shares)}

    def close(self) -> None:
        """Write all images, those of before too."""
        if not self.added:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path, 'w') as file:
            json.dump(self.former | self.added, file, indent=1)

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            found = json.loads(self.path.read_text(encoding='utf-8'))
        except ValueError:
            found = None
        if not isinstance(found, dict) or any(list(shares) != self.classes for shares in found.values()):
            known = next(iter(found.values()), ()) if isinstance(found, dict) else ()
            raise _of_others(self.path, list(known), self.classes)
        return found


SHARES = dict(csv=ShareTable, json=ShareFile)
"""How shares of classes are written, by the suffix of the file."""


def class_shares(label: np.ndarray, num_classes: int) -> np.ndarray:
    """Return each class's share, ``[num_classes]``, of ids uint8 ``[H, W]``; ids of no class, as 255, have none."""
    return np.bincount(label.ravel(), minlength=256)[:num_classes] / label.size


def _write_rows(file: TextIO, rows: Iterable[Sequence[str]]) -> None:
    """Write lines that end in a line feed; a carriage return in a name is quoted, as Python does from 3.13 on."""
    lines = SimpleNamespace(write=lambda line: file.write(line.removesuffix('\r\n') + '\n'))
    csv.writer(lines, lineterminator='\r\n').writerows(rows)


def _of_others(path: Path, found: Sequence[str], wanted: Sequence[str]) -> UserError:
    return UserError(
        f'{path} is a table of {", ".join(found) or "something else"}, but this model knows {", ".join(wanted)}: '
        'choose another folder'
    )
