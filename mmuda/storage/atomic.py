"""Files that are whole or not there, whatever happens to the process that writes them."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SUFFIX = '.part'


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = 'wb', sync: bool = True) -> Iterator[IO]:
    """Open a temporary file beside ``path``, which takes its place when the block ends without an error.

    Until then ``path`` stays as it was. A killed process leaves the temporary file, see :func:`remove_leftovers`; an
    error removes it. A symbolic link is replaced, not followed.

    Args:
        path: The file; its folder exists.
        mode: ``'wb'``, or ``'w'`` for text in UTF-8.
        sync: Whether the content is on the disk before the name is, so that a power cut leaves one of the two files.

    Raises:
        OSError: The file cannot be written; it names ``path``.

    Example:
        >>> with atomic_write('scores.json', 'w') as file:
        ...     file.write('{}')
    """
    path = Path(path)
    part = path.with_name(f'.{path.name}.{secrets.token_hex(4)}{SUFFIX}')
    try:
        with open(part, mode, encoding=None if 'b' in mode else 'utf-8') as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise
    if sync:
        _sync_folder(path.parent)


def remove_leftovers(folder: str | Path) -> list[str]:
    """Remove what killed processes have left of :func:`atomic_write` in a folder that nobody else writes to.

    Returns:
        The names of the removed files.
    """
    found = sorted(Path(folder).glob(f'.*{SUFFIX}'))
    for part in found:
        part.unlink()
    return [part.name for part in found]


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk; some file systems and Windows know no such call and need none."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
