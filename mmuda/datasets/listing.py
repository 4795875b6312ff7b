"""List the files below a folder: the one lister of data sets, inference, tools and converters.

It takes every suffix that the reader can read, in upper and lower case, goes into folders and follows links to files
and folders. It leaves out what nobody meant as data, and says why: hidden entries (`.ipynb_checkpoints`, `._x.png`),
what systems leave behind (`Thumbs.db`), broken links, links back to a folder above, and folders of predictions.
A folder that cannot be opened is an error: nobody meant it to be left out.
"""

from __future__ import annotations

import functools
import os
import pathlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mmengine.logging import print_log

from .errors import DataError

IMAGE_SUFFIXES = (
    *('.png', '.apng', '.jpg', '.jpeg', '.jpe', '.jfif', '.mpo', '.bmp', '.dib', '.tif', '.tiff', '.webp', '.avif'),
    *('.jp2', '.gif', '.ppm', '.pgm', '.pbm', '.pnm'),
)
"""What `mmuda.datasets.reading` reads."""
PREDICTIONS = '.mmuda_predictions'
"""A file of this name marks a folder of predictions, which are no images to predict on."""

_SYSTEM = ('thumbs.db', 'desktop.ini', '__macosx', '$recycle.bin', 'system volume information', '@eadir', 'lost+found')


@dataclass(frozen=True)
class Listing:
    """Names that a folder holds, and what was left out.

    Args:
        names: of the files that count, relative to the folder, with `/`, sorted.
        left_out: names of the other entries -> why they do not count.
    """

    names: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def list_files(
    folder: str | os.PathLike, suffixes: Sequence[str] = IMAGE_SUFFIXES, predictions: bool = False
) -> Listing:
    """Return all files below a folder whose names end in one of `suffixes`.

    `predictions` takes also sub-folders of predictions, as label maps may be.

    Raises:
        DataError: The folder, or one below, cannot be opened.
    """
    walk = _Walk(tuple(suffix.lower() for suffix in suffixes), predictions)
    walk.enter(os.fspath(folder), '', _above(folder))
    return Listing(tuple(sorted(walk.names)), dict(sorted(walk.left_out.items())))


def list_folders(folder: str | os.PathLike) -> Listing:
    """Return the folders right below a folder, linked ones too, such as one a class.

    Raises:
        DataError: The folder cannot be opened.
    """
    names, left_out = [], {}
    for entry in _entries(folder):
        kind = _kind(entry)
        if kind == 'folder':
            names.append(entry.name)
        elif kind != 'file':
            left_out[entry.name] = kind
        elif entry.name.lower().endswith(IMAGE_SUFFIXES):
            left_out[entry.name] = 'in no folder'
    return Listing(tuple(sorted(names)), left_out)


def split_suffix(name: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> tuple[str, str]:
    """Return a name as (what comes before its suffix, the suffix as it is written); the longest suffix counts."""
    size = max((len(suffix) for suffix in suffixes if name.lower().endswith(suffix.lower())), default=0)
    return name[: len(name) - size], name[len(name) - size :]


def by_stem(names: Iterable[str], suffixes: Sequence[str] = IMAGE_SUFFIXES) -> dict[str, list[str]]:
    """Map names without suffix, as `composed` -> all names that begin so, such as `x.jpg` and `x.png`."""
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(composed(split_suffix(name, suffixes)[0]), []).append(name)
    return stems


def composed(name: str) -> str:
    """Return a name with each accented letter as one character (NFC).

    Files from macOS may have two for it, the letter and the accent (NFD), and look alike: names are compared composed,
    and files opened by the names that they have.
    """
    return unicodedata.normalize('NFC', name)


def stored_paths(
    folder: str, names: Sequence[str], suffixes: Sequence[str] = IMAGE_SUFFIXES, predictions: bool = False
) -> list[str]:
    """Return the paths of files in a folder, each under the form of its accented letters that it has; a missing one is
    named as it is given.

    Args:
        folder: The folder; it is listed only where a file is missing.
        names: Names relative to it.
        suffixes, predictions: See `list_files`.
    """
    paths = [os.path.join(folder, name) for name in names]
    if all(map(os.path.isfile, paths)):
        return paths
    stored = {composed(name): name for name in list_files(folder, suffixes, predictions).names}
    return [
        path if os.path.isfile(path) else os.path.join(folder, stored.get(composed(name), name))
        for name, path in zip(names, paths)
    ]


def both(folder: str, first: str, second: str) -> str:
    """Tell that a folder has two files or folders of one name."""
    ways = ', their accented letters in two forms' if composed(first) == composed(second) else ''
    return f"'{folder}' has both '{first}' and '{second}'{ways}"


def describe(left_out: Mapping[str, str]) -> str:
    """Tell how many entries were left out and why, such as `2 left out: 1 × hidden (.git), 1 × broken link (a.png)`."""
    if not left_out:
        return 'none left out'
    parts = []
    for why, count in Counter(left_out.values()).items():
        names = [name for name, reason in left_out.items() if reason == why][:3]
        parts.append(f'{count} × {why} ({", ".join(names)}{", ..." if count > 3 else ""})')
    return f'{len(left_out)} left out: {", ".join(parts)}'


@functools.cache
def log_once(text: str) -> None:
    """Log a line, unless this run has logged it."""
    print_log(text.encode(errors='backslashreplace').decode(), 'current')  # a log may take no name that is not UTF-8


class _Walk:
    """One way through a folder, its sub-folders and what they link to."""

    def __init__(self, suffixes: tuple[str, ...], predictions: bool) -> None:
        self.suffixes = suffixes
        self.predictions = predictions
        self.names: list[str] = []
        self.left_out: dict[str, str] = {}

    def enter(self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> None:
        """List a folder; `above` identifies the folders on the way to it, so that a loop of links ends."""
        entries = _entries(folder)
        if not entries:
            return
        this = _identity(folder)
        if this in above:
            self.left_out[prefix.rstrip('/')] = 'link back to a folder above'
        elif prefix and not self.predictions and any(entry.name == PREDICTIONS for entry in entries):
            self.left_out[prefix.rstrip('/')] = 'predictions'
        else:
            for entry in entries:
                self._take(entry, prefix, (*above, this))

    def _take(self, entry: os.DirEntry, prefix: str, above: tuple) -> None:
        name, kind = prefix + entry.name, _kind(entry)
        is_named_so = entry.name.lower().endswith(self.suffixes)
        if kind == 'folder':
            if is_named_so:
                self.left_out[name] = 'folder, not a file'
            self.enter(entry.path, f'{name}/', above)
        elif kind != 'file':
            self.left_out[name] = kind
        elif is_named_so:
            self.names.append(name)
        else:
            self.left_out[name] = 'other suffix'


def _entries(folder: str | os.PathLike) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as scan:
            return list(scan)
    except FileNotFoundError:
        return []  # whoever lists it says what should be there
    except OSError as error:
        raise DataError(
            f"The folder '{os.fspath(folder)}' cannot be opened ({error.strerror}): allow it, or move it elsewhere."
        ) from error


def _above(folder: str | os.PathLike) -> tuple[tuple[int, int], ...]:
    """Identify the folders that a folder lies in, as far as they are there."""
    return tuple(map(_identity, filter(os.path.exists, pathlib.Path(os.path.realpath(folder)).parents)))


def _identity(folder: str | os.PathLike) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _kind(entry: os.DirEntry) -> str:
    """Return `file`, `folder`, or why it is neither."""
    if entry.name.startswith('.') or entry.name.lower() in _SYSTEM:
        return 'hidden'
    try:
        if entry.is_dir():
            return 'folder'
        if entry.is_file():
            return 'file'
    except OSError:  # a link to itself
        return 'broken link'
    return 'broken link' if entry.is_symlink() else 'no regular file'
