"""Prepared files: what the first steps of a pipeline make of an image or a label map, as arrays that need no decoding.

One file for each original, below a folder of its own: `images/a/7.png` → `images/a/7.png.npy`; `prepared.json` beside
them says by which settings. A file is a numpy record: `pixels`; `original`, height and width before they were resized;
`bytes`, `time` and `content` of the original's file, see `State`; `settings`, a digest. Nothing in it is unpickled. It
is mapped into memory: a crop reads its own rows only, workers share what the system has cached, and writing to the
array leaves the file alone.

An original is as it was when its size and its time of change are. With another time, as a copy of the data may have,
its content decides, once a process; `keep` notes the new time.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from mmuda.storage import atomic_write

from .errors import DataError

SETTINGS = 'prepared.json'
SUFFIX = '.npy'
FIELDS = ('settings', 'bytes', 'time', 'content', 'original', 'pixels')
REMEDY = 'run tools/prepare_data.py'

_HEADER = 10  # bytes of an .npy file up to its header
Size = tuple[int, int]


class State(NamedTuple):
    """Which version of an original a prepared file was made of.

    Attributes:
        bytes: Its size.
        time: When it was changed last, in nanoseconds.
        content: A digest of its bytes, 32 letters.
    """

    bytes: int
    time: int
    content: bytes

    @classmethod
    def of(cls, original: str) -> State:
        """Look at a file, and read it.

        Raises:
            DataError: It cannot be read.
        """
        status = _status(original)
        return cls(status.st_size, status.st_mtime_ns, _content(original))


@dataclass(frozen=True)
class PreparedFiles:
    """The prepared files of one folder of images, or of label maps.

    Args:
        originals: The folder of the original files.
        folder: Where the prepared ones lie, with the same relative names.
        kind: `images` or `labels`; both may share a folder.
        settings: What they were made by, as JSON has it.
        compared: Originals whose time is not the noted one, but whose content is; with the time that they had.
    """

    originals: str
    folder: str
    kind: str
    settings: Mapping
    compared: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @functools.cached_property
    def digest(self) -> bytes:
        """Return a digest of the settings, 16 letters."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16].encode()

    def path(self, original: str) -> str:
        """Name the prepared file of an original.

        Raises:
            DataError: The original lies outside of its folder.
        """
        name = os.path.relpath(original, self.originals)
        if name.split(os.sep)[0] == os.pardir:
            raise DataError(
                f"'{original}' is not below '{self.originals}', so '{self.folder}' has no place for it: name a folder "
                'that holds all images in `data_prefix`.'
            )
        return os.path.join(self.folder, name + SUFFIX)

    def read(self, original: str) -> tuple[np.ndarray, Size]:
        """Return pixels `[H, W, ...]`, which may be written to, and height and width of the original.

        Raises:
            DataError: A file that is missing, damaged, made by other settings or of another version of the original.
        """
        path = self.path(original)
        record = self._open(path)
        if record['settings'] != self.digest:
            raise DataError(f"'{path}' was prepared by other settings than '{self.folder}': remove it, and {REMEDY}.")
        if not self._is_of(record, original):
            raise DataError(f"'{original}' has changed since '{path}' was made of it: {REMEDY} again.")
        height, width = record['original'].tolist()
        return np.asarray(record['pixels']), (height, width)

    def holds(self, original: str) -> bool:
        """Tell whether there is a whole prepared file of an original as it is now.

        Raises:
            DataError: It was made by other settings.
        """
        path = self.path(original)
        if not os.path.exists(path):
            return False
        try:
            record = self._open(path)
        except DataError:
            return False
        if record['settings'] != self.digest:
            raise DataError(f"'{path}' was prepared by other settings: give another folder to --out, or remove it.")
        return self._is_of(record, original)

    def keep(self, original: str) -> bool:
        """Tell the same as `holds`, and note the time of an original whose content is that of before.

        Raises:
            DataError: It was made by other settings.
        """
        if not self.holds(original):
            return False
        if original in self.compared:
            record = self._open(self.path(original)).copy()
            record['time'] = self.compared.pop(original)
            self._save(original, record)
        return True

    def write(self, original: str, pixels: np.ndarray, size: Size, state: State) -> None:
        """Write the prepared file of an original, whole or not at all.

        Args:
            original: The file that `pixels` were made of.
            pixels: `[H, W, ...]`.
            size: Height and width of the original.
            state: Of the original, from before it was loaded.
        """
        fields = [('settings', 'S16'), ('bytes', '<i8'), ('time', '<i8'), ('content', 'S32'), ('original', '<i4', 2)]
        record = np.zeros((), np.dtype([*fields, ('pixels', pixels.dtype, pixels.shape)]))
        record['settings'], record['original'], record['pixels'] = self.digest, size, pixels
        record['bytes'], record['time'], record['content'] = state
        os.makedirs(os.path.dirname(self.path(original)), exist_ok=True)
        self._save(original, record)

    def check(self) -> None:
        """Refuse a folder that was prepared by other settings, or not at all.

        Raises:
            DataError: One sentence that says how they differ.
        """
        found = self._found()
        if found is None:
            raise DataError(f"'{self.folder}' holds no prepared {self.kind} of '{self.originals}': {REMEDY} first.")
        self.check_same(found)

    def check_free(self) -> None:
        """Refuse to write files among others that were prepared by other settings.

        Raises:
            DataError: One sentence that says how they differ.
        """
        found = self._found()
        if found is not None and self._is_used():
            self.check_same(found)

    def claim(self) -> None:
        """Note the settings beside the files that are going to be written.

        Raises:
            DataError: There are prepared files of other settings.
        """
        self.check_free()
        os.makedirs(self.folder, exist_ok=True)
        noted = {**self._noted(), self.kind: self.settings}
        with atomic_write(os.path.join(self.folder, SETTINGS), 'w') as file:
            json.dump(noted, file, indent=1)

    def check_same(self, found: Mapping) -> None:
        """Refuse other settings for this folder.

        Raises:
            DataError: They differ.
        """
        if found == self.settings:
            return
        differ = [key for key in {**found, **self.settings} if found.get(key) != self.settings.get(key)]
        then, now = ({key: settings.get(key) for key in differ} for settings in (found, self.settings))
        raise DataError(
            f"The {self.kind} in '{self.folder}' were prepared with {_said(then)}, but this config has {_said(now)}: "
            f'{REMEDY} with this config and another folder for --out.'
        )

    def _found(self) -> Mapping | None:
        return self._noted().get(self.kind)

    def _noted(self) -> dict:
        path = os.path.join(self.folder, SETTINGS)
        try:
            with open(path, encoding='utf-8') as file:
                return dict(json.load(file))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError) as error:
            raise DataError(f"'{path}' cannot be read ({error}): remove it, and {REMEDY}.") from error

    def _is_used(self) -> bool:
        """Tell whether any prepared file is there: settings of a run that made none bind nobody."""
        return any(name.endswith(SUFFIX) for _, _, names in os.walk(self.folder) for name in names)

    def _is_of(self, record: np.ndarray, original: str) -> bool:
        """Tell whether a record was made of an original as it is now."""
        status = _status(original)
        if record['bytes'] != status.st_size:
            return False
        if status.st_mtime_ns in (record['time'], self.compared.get(original)):
            return True
        if record['content'] != _content(original):
            return False
        self.compared[original] = status.st_mtime_ns
        return True

    def _save(self, original: str, record: np.ndarray) -> None:
        with atomic_write(self.path(original), sync=False) as file:  # what a power cut spoils can be made again
            np.save(file, record, allow_pickle=False)

    def _open(self, path: str) -> np.ndarray:
        """Return the record of a file, mapped into memory: what is written to it does not reach the file."""
        try:
            with open(path, 'rb') as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            start = _HEADER + int.from_bytes(content[_HEADER - 2 : _HEADER], 'little')
            return np.frombuffer(content, _layout(content[:start]), 1, start)[0]
        except (OSError, ValueError) as error:
            raise DataError(f"'{path}' is no whole prepared file ({error}): {REMEDY} again.") from error


@functools.lru_cache(maxsize=4096)
def _layout(header: bytes) -> np.dtype:
    """Parse the header of an `.npy` file, which takes numpy 0.2 ms; files of one size have the same."""
    file = io.BytesIO(header)
    version = npy.read_magic(file)
    shape, _, layout = npy.read_array_header_1_0(file) if version == (1, 0) else (None, None, None)
    if shape != () or layout.names != FIELDS or layout.hasobject:
        raise ValueError('it is no record of pixels')
    return layout


def _status(original: str) -> os.stat_result:
    try:
        return os.stat(original)
    except OSError as error:
        raise DataError(f"'{original}' cannot be read: {error.strerror}.") from error


def _content(original: str) -> bytes:
    """Return a digest of a file, 32 letters: as quick as reading it."""
    try:
        with open(original, 'rb') as file:
            return hashlib.blake2b(file.read(), digest_size=16).hexdigest().encode()
    except OSError as error:
        raise DataError(f"'{original}' cannot be read: {error.strerror}.") from error


def _said(settings: Mapping) -> str:
    return ', '.join(f'{key}={value}' for key, value in settings.items())
