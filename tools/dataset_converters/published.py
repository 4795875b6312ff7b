"""Data sets as they are published: a folder, a zip or tar archive, or a single file.

All three list names and read one of them. Nothing is ever unpacked: what an archive holds beside the files that a
converter asks for stays where it is. Links inside an archive are neither followed nor made.
"""

import bz2
import functools
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from typing import BinaryIO

from mmuda.datasets.errors import DataError
from mmuda.datasets.listing import list_files

ARCHIVES = ('.zip', '.tar', '.tgz', '.tar.gz', '.tar.bz2', '.tar.xz')
UNKNOWN_ARCHIVES = ('.rar', '.7z')
_OPENERS = {b'\x1f\x8b': gzip.open, b'BZh': bz2.open, b'\xfd7zXZ': lzma.open}
_BROKEN = (EOFError, NotImplementedError, OSError, RuntimeError, lzma.LZMAError, zlib.error)
_BROKEN = (*_BROKEN, tarfile.TarError, zipfile.BadZipFile)


class Folder:
    """Files below a folder, without hidden ones; links of the user's own disk are followed."""

    def __init__(self, path: str, leave_out: str | None = None) -> None:
        self.path, self.links = path, frozenset()
        self.title = os.path.basename(os.path.realpath(path))
        names = list_files(path, suffixes=('',)).names
        hidden = os.path.relpath(leave_out or path, path).replace(os.sep, '/') + '/'
        self.names = [name for name in names if not name.startswith(hidden)]

    def open(self, name: str) -> BinaryIO:
        """Open a file by its name."""
        return open(os.path.join(self.path, name), 'rb')


class File:
    """One file that is no archive, as if it were alone in its folder."""

    def __init__(self, path: str) -> None:
        self.path, self.links = os.path.dirname(path), frozenset()
        self.title = os.path.basename(os.path.realpath(self.path))
        self.names = [os.path.basename(path)]

    open = Folder.open


class Zip:
    """Members of a zip archive; every process reads through a handle of its own."""

    def __init__(self, path: str) -> None:
        self.path, self.title = path, _title(path)
        files = [member for member in _zip(path, os.getpid()).infolist() if not member.is_dir()]
        linked = {member.filename for member in files if stat.S_ISLNK(member.external_attr >> 16)}
        self._members = {_within(member.filename, path): member.filename for member in files}
        self.links = frozenset(name for name, member in self._members.items() if member in linked)
        self.names = [name for name in self._members if name not in self.links and _is_wanted(name)]

    def open(self, name: str) -> BinaryIO:
        """Open a member by its name."""
        return _zip(self.path, os.getpid()).open(self._members[name])


class Tar:
    """Members of a tar archive, compressed or not, by their place in it.

    Reading members in the archive's order only ever moves forward, also in a compressed one.
    """

    def __init__(self, path: str) -> None:
        self.path, self.title = path, _title(path)
        with tarfile.open(path) as archive:
            members = {_within(member.name, path): member for member in archive if not member.isdir()}
            archive.fileobj.seek(archive.offset)
            if not archive.fileobj.read(tarfile.BLOCKSIZE):
                raise tarfile.ReadError('its end is missing')
        self.links = frozenset(name for name, member in members.items() if not member.isreg())
        self._places = {name: (m.offset_data, m.size) for name, m in members.items() if m.isreg() and _is_wanted(name)}
        self.names = list(self._places)

    def open(self, name: str) -> BinaryIO:
        """Open a member by its name."""
        stream = _tar(self.path, os.getpid())
        offset, size = self._places[name]
        stream.seek(offset)
        return io.BytesIO(stream.read(size))


Source = Folder | File | Zip | Tar


def open_source(path: str, leave_out: str | None = None) -> Source:
    """Open a folder, archive or file by its path; names are listed and checked at once.

    Args:
        path: what was downloaded.
        leave_out: a folder whose files do not count: where the results of an earlier run lie.
    """
    if os.path.isdir(path):
        return Folder(path, leave_out)
    if not os.path.exists(path):
        raise DataError(f"'{path}' does not exist: name what you downloaded, archives or a folder, in --src")
    if path.lower().endswith(UNKNOWN_ARCHIVES):
        raise DataError(f"'{path}' is no zip or tar archive: unpack it, and name the folder in --src")
    try:
        if zipfile.is_zipfile(path):
            return Zip(path)
        if tarfile.is_tarfile(path):
            return Tar(path)
    except _BROKEN as error:
        raise DataError(f"'{path}' is no complete archive ({error}): download it again") from error
    if path.lower().endswith(ARCHIVES):
        raise DataError(f"'{path}' is no complete archive: download it again")
    return File(path)


def open_member(source: Source, name: str) -> BinaryIO:
    """Open a file of a source, from its beginning."""
    try:
        return source.open(name)
    except _BROKEN as error:
        raise DataError(f'it cannot be read ({error}): download it again') from error


def read_member(source: Source, name: str) -> bytes:
    """Read the whole content of a file of a source."""
    with open_member(source, name) as file:
        try:
            return file.read()
        except _BROKEN as error:
            raise DataError(f'it cannot be read ({error}): download it again') from error


def _title(path: str) -> str:
    """Return an archive's name without its suffix."""
    name = os.path.basename(path)
    return name[: -len(next((suffix for suffix in ARCHIVES if name.lower().endswith(suffix)), '')) or None]


def _is_wanted(name: str) -> bool:
    """Tell whether a name is neither hidden nor of a file manager's own."""
    return not any(part.startswith('.') or part == '__MACOSX' for part in name.split('/'))


def _within(name: str, archive: str) -> str:
    """Return a member's name; refuse one that would leave the folder that it is unpacked into."""
    parts = name.replace('\\', '/').split('/')
    if '..' in parts or parts[0] == '' or ':' in parts[0]:
        raise DataError(f"'{archive}' holds '{name}', which leaves the archive's folder: do not use this file")
    return '/'.join(part for part in parts if part not in ('', '.'))


@functools.cache
def _zip(path: str, process: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


@functools.cache
def _tar(path: str, process: int) -> BinaryIO:
    """Open the archive's uncompressed bytes; tarfile's own handle would look for members again in every process."""
    with open(path, 'rb') as file:
        head = file.read(6)
    opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), open)
    return opener(path, 'rb')
