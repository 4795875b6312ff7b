"""One run a folder: a lock that outlives no run, also on a file system that many machines share."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from mmengine.logging import print_log

FILE = '.training.lock'
HEARTBEAT = 30  # seconds between two signs of life
SILENCE = 300  # seconds without one after which the holder counts as dead
SAME_START = 60  # seconds by which two readings of a process's start may differ: the clock can be set


class LockedError(Exception):
    """A folder cannot be held; the text says by whom it is, or why not, and what to do."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    ``processes`` tells apart containers of one host name, ``job`` and ``restart`` are SLURM's job id and the number of
    its requeueings, and ``inode`` is the number of the lock file, which a copy of the folder does not share.
    """

    host: str
    pid: int
    started: float
    processes: str
    job: str
    restart: str
    token: str
    inode: int = 0

    @classmethod
    def this_process(cls) -> Holder:
        """Return the calling process."""
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            processes=_process_namespace(),
            job=os.environ.get('SLURM_JOB_ID', ''),
            restart=os.environ.get('SLURM_RESTART_COUNT', '0'),
            token=secrets.token_hex(8),
        )

    def __str__(self) -> str:
        return f'process {self.pid} on {self.host}' + (f' (job {self.job})' if self.job else '')

    def has_ended(self, now: Holder) -> bool:
        """Tell whether this process is known to be gone: on this machine, or because its job was requeued."""
        if self.job and self.job == now.job and self.restart != now.restart:
            return True
        here = (self.host, self.processes) == (now.host, now.processes)
        return here and not _runs(self.pid, self.started)


class FolderLock:
    """A file that names the process which trains in a folder, or fills it, and is touched while it does.

    The holder counts as dead when its process is gone on this machine, when its job was requeued, or when the file was
    not touched for five minutes.

    Args:
        folder: It exists.
        file: Name of the file. Locks of other names know nothing of each other.
        heartbeat, silence: Seconds between two touches, and without one until the holder counts as dead.
    """

    def __init__(
        self, folder: str | Path, file: str = FILE, heartbeat: float = HEARTBEAT, silence: float = SILENCE
    ) -> None:
        self.path = Path(folder, file)
        self.heartbeat, self.silence = heartbeat, silence
        self.holder = Holder.this_process()
        self.lost = False  # known after a heartbeat: the file is gone, or names another process
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> str:
        """Take the lock.

        Returns:
            Whom it was taken from, '' if it was free.

        Raises:
            LockedError: Another process holds it.
            OSError: The file cannot be written.
        """
        with _one_at_a_time(self.path.parent):
            former = self._check_free()
            self.path.unlink(missing_ok=True)
            try:
                with open(self.path, 'x', encoding='utf-8') as file:
                    self.holder = replace(self.holder, inode=os.fstat(file.fileno()).st_ino)
                    json.dump(asdict(self.holder), file)
            except FileExistsError as error:  # a process on another machine was quicker
                raise LockedError(f'{self.path.parent} is in use by {_read(self.path)[0]}: wait for it') from error
            except OSError as error:  # a full disk
                self.path.unlink(missing_ok=True)
                error.filename = str(self.path)
                raise
        self._thread = threading.Thread(target=self._beat, name='lock of a folder', daemon=True)
        self._thread.start()
        return former

    def release(self) -> None:
        """Give the lock back, unless it is another's by now."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        if self.is_held():
            self.path.unlink(missing_ok=True)

    def is_held(self) -> bool:
        """Tell whether the file still names this process."""
        return self.current() == self.holder

    def current(self) -> Holder | None:
        """Tell who holds the lock now; None: nobody."""
        return _read(self.path)[0]

    def _check_free(self) -> str:
        holder, touched = _read(self.path)
        if touched is None:
            return ''
        silent = _now(self.path.parent) - touched
        if silent > self.silence or (holder is not None and holder.has_ended(self.holder)):
            return str(holder or 'a process that left no name')
        who = holder or 'a process that is just starting'
        raise LockedError(
            f'{self.path.parent} is in use by {who}, whose last sign of life is {silent:.0f} s old: wait for it'
        )

    def _beat(self) -> None:
        while not self._end.wait(self.heartbeat):
            with contextlib.suppress(OSError):  # a file server that is away for a while
                self.lost = not self.is_held()
                if not self.lost:
                    os.utime(self.path)


@contextlib.contextmanager
def held_folder(folder: str | Path, file: str = FILE) -> Iterator[FolderLock]:
    """Hold a folder alone. It is made where it is missing, and removed again if it was and nothing is in it.

    Folders above it stay: another run may be making its own there.

    Args:
        folder, file: As for :class:`FolderLock`.

    Raises:
        LockedError: Another process holds it, or it cannot be made.
        OSError: It cannot be written.

    Example:
        >>> with held_folder('work_dirs/run') as lock:
        ...     assert lock.is_held()
    """
    lock = FolderLock(folder, file)
    made = _acquired(lock)
    try:
        yield lock
    finally:
        lock.release()
        if made:
            _remove_if_empty(lock.path.parent)


def _acquired(lock: FolderLock) -> bool:
    """Make and lock a folder; return whether it was made."""
    folder, made = lock.path.parent, False
    for _ in range(10):
        try:
            made = _make(folder)
            former = lock.acquire()
        except FileNotFoundError:  # the process that had made it has just removed it
            continue
        except OSError:  # a full disk
            if made:
                _remove_if_empty(folder)
            raise
        if former:
            print_log(f'{folder} was left by {former}, which has ended.', logger='current')
        return made
    raise LockedError(f'{folder} cannot be made (is it a link to nowhere?): mend that')


def _make(folder: Path) -> bool:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it: of this run, or of another
        folder.rmdir()


def _read(path: Path) -> tuple[Holder | None, float | None]:
    """Tell who holds the lock (None: unreadable) and when it was touched last (None: it is free)."""
    try:
        state = path.stat()
        holder = Holder(**json.loads(path.read_text(encoding='utf-8')))
    except FileNotFoundError:
        return None, None
    except (ValueError, TypeError):
        return None, state.st_mtime
    copied = holder.inode != state.st_ino
    return (None, None) if copied else (holder, state.st_mtime)


def _runs(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < SAME_START
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _process_namespace() -> str:
    """Return the namespace within which the number of a process is its own; '' where there is one only."""
    try:
        return os.readlink('/proc/self/ns/pid')
    except OSError:
        return ''


def _now(folder: Path) -> float:
    """Return the time by the clock of the folder's file server, which may differ from this machine's."""
    probe = folder / f'.{secrets.token_hex(4)}.part'
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process of this machine in; those of others are told apart by the exclusive creation of the file."""
    if os.name != 'posix':
        yield
        return
    import fcntl

    number = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
