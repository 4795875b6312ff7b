"""Files that are whole or not there, whatever happens to the process that writes them."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SUFFIX = '.part'
NAMED = 60  # characters of a file's name that its temporary one has: a name has 255 bytes at most
ABANDONED = 300  # seconds without a change after which, where there are no locks, nobody writes a file any more


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = 'wb', sync: bool = True) -> Iterator[IO]:
    """Open a temporary file beside ``path``, which takes its place when the block ends without an error.

    Until then ``path`` stays as it was. A killed process leaves the temporary file, see :func:`remove_leftovers`; an
    error removes it. A symbolic link is replaced, not followed.

    Args:
        path: The file; its folder exists.
        mode: ``'wb'``, or ``'w'`` for text in UTF-8, in which names of files stand as the disk has them.
        sync: Whether the content is on the disk before the name is, so that a power cut leaves one of the two files.

    Raises:
        OSError: The file cannot be written; it names ``path``.

    Example:
        >>> with atomic_write('scores.json', 'w') as file:
        ...     print('{}', file=file)
    """
    path = Path(path)
    part = path.with_name(f'.{path.name[:NAMED]}.{secrets.token_hex(4)}{SUFFIX}')
    try:
        with _opened(part, mode) as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # it may be what could not be made
            part.unlink()
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise
    if sync:
        _sync_folder(path.parent)


def remove_leftovers(folder: str | Path) -> list[str]:
    """Remove what killed processes have left of :func:`atomic_write` in a folder; what is being written stays.

    Returns:
        The names of the removed files.
    """
    return [part.name for part in sorted(Path(folder).glob(f'.*{SUFFIX}')) if _removed(part)]


@contextlib.contextmanager
def _opened(part: Path, mode: str) -> Iterator[IO]:
    """Open a file that is locked while this process writes it: the lock ends with the process, however that ends."""
    while True:
        text = {} if 'b' in mode else dict(encoding='utf-8', errors='surrogateescape')
        with open(part, mode, **text) as file:
            with contextlib.suppress(OSError):  # a file system without locks
                _lock(file, wait=True)
            if os.fstat(file.fileno()).st_nlink or os.name != 'posix':  # else it was taken for a leftover just before
                yield file
                return


def _removed(part: Path) -> bool:
    """Remove a temporary file that nobody writes; return whether it was so."""
    try:
        with open(part, 'rb') as file:
            try:
                _lock(file, wait=False)
            except BlockingIOError:
                return False
            except OSError:  # a file system without locks
                if time.time() - part.stat().st_mtime < ABANDONED:
                    return False
            part.unlink()
    except FileNotFoundError:  # it has its name by now
        return False
    return True


def _lock(file: IO, wait: bool) -> None:
    """Lock an open file.

    Raises:
        BlockingIOError: Another process has it.
        OSError: There are no locks here.
    """
    if os.name != 'posix':
        raise OSError('no locks')
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk; some file systems and Windows know no such call and need none."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
