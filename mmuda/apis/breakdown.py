"""What ends a run from outside, in one sentence: a full disk, a work directory that vanished, a killed data worker."""

from __future__ import annotations

import errno
import logging
import re
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import STORAGE, UserError

WORKER = re.compile(
    r'DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (?:is killed by signal: ([\w ]+)|exited unexpectedly)'
)
SHARED_MEMORY = re.compile(r'/torch_\S+: No space left on device|signal: Bus error')


@contextmanager
def explained_breakdowns(work_dir: str | Path, ending: Callable[[], str] = str) -> Iterator[None]:
    """Turn such an end of the block into a :class:`UserError`.

    Meanwhile a log that cannot be written says nothing: what it could not say is on the screen, and the same disk ends
    the run.

    Args:
        work_dir: The work directory of the run.
        ending: Gives what the sentence adds, for example where the run can go on.
    """
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    except Exception as error:
        _end_of_torch_handler()
        cause = _data_worker(error) or _storage(error, Path(work_dir))
        if cause is None:
            raise
        raise UserError('; '.join(filter(None, (cause, ending())))) from error
    finally:
        logging.raiseExceptions = before


def _end_of_torch_handler() -> None:
    """Take away torch's handler of a data worker that has died: it raises in the main thread, wherever that is."""
    if threading.current_thread() is threading.main_thread() and hasattr(signal, 'SIGCHLD'):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _storage(error: Exception, work_dir: Path) -> str | None:
    if not isinstance(error, OSError):
        return None
    where = Path(error.filename) if isinstance(error.filename, str) else None
    if error.errno in STORAGE:
        return f'{where or f"a file below {work_dir}"} cannot be written ({error.strerror}): {STORAGE[error.errno]}'
    if error.errno == errno.ENOENT and not work_dir.is_dir():
        return f'work directory {work_dir} has vanished: it was moved or removed during the run'
    if error.errno == errno.ENOENT and where is not None and work_dir.absolute() in where.absolute().parents:
        return f'{where.parent} has vanished: it was moved or removed during the run'
    return None


def _data_worker(error: Exception) -> str | None:
    text = ' '.join(_chain(error))
    if SHARED_MEMORY.search(text):
        return (
            'the data workers have used up the shared memory (/dev/shm): give the container more (--shm-size) or lower '
            'num_workers of the data loaders'
        )
    found = WORKER.search(text)
    if found is None and not _in_transfer(error):
        return None
    number = f' {found[1]}' if found else ''
    how = f'was killed by the signal {found[2].strip()}' if found and found[2] else 'has ended'
    return (
        f'data worker{number} (a process that loads images) {how}, which is what happens when memory runs out: give '
        'the job more memory or lower num_workers of the data loaders'
    )


def _chain(error: BaseException | None) -> Iterator[str]:
    """Yield the messages of an error and of those behind it, the first one first: it knows the signal.

    Torch raises where the main thread happens to be, so any code may have made another error of that one.
    """
    if error is not None:
        yield from _chain(error.__cause__ or error.__context__)
        yield str(error)


def _in_transfer(error: Exception) -> bool:
    """Tell whether a worker was gone when one of its batches was taken over, before torch had noticed."""
    places = {Path(frame.filename).name for frame in traceback.extract_tb(error.__traceback__)}
    return not isinstance(error, RuntimeError) and {'dataloader.py', 'resource_sharer.py'} <= places
