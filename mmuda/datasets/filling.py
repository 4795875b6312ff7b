"""Output folders that one run fills at a time, so that files of different settings never stand side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from mmuda.storage import FolderLock, LockedError, held_folder

from .errors import DataError

FILE = '.filling.lock'


@contextlib.contextmanager
def filling(folders: Iterable[str]) -> Iterator[None]:
    """Hold folders alone while files are written there; make them, and remove those that stay empty.

    Args:
        folders: One may come several times.

    Raises:
        DataError: Another run fills one of them, or took it over while this one was suspended.

    Example:
        >>> with filling(['data/prepared/gta/images']):
        ...     pass
    """
    with contextlib.ExitStack() as stack:
        try:
            locks = [stack.enter_context(held_folder(folder, FILE)) for folder in sorted(set(folders))]
        except LockedError as error:
            raise DataError(f'{error}, or choose another --out') from error
        except OSError as error:
            raise DataError(f"'{error.filename}' cannot be written ({error.strerror}): choose another --out") from error
        yield
        for lock in locks:
            _check_held(lock)


def _check_held(lock: FolderLock) -> None:
    if lock.is_held():
        return
    folder, other = lock.path.parent, lock.current()
    what = f'taken over by {other}, as this run gave no sign of life for minutes' if other else 'moved or removed'
    raise DataError(f"'{folder}' was {what} while it was filled: give the same command again to see what is missing")
