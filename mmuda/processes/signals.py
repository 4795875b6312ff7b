"""Signals that ask a run to end: SIGTERM, SIGINT (Ctrl-C), and SIGUSR1, which Slurm sends before a time limit.

The first one raises :class:`Interrupted` in the main thread; a training :func:`defer`\\ s it and asks for it
(:func:`requested`) where it can stop. Another one within 2 s counts as the same: a launcher forwards what its processes
have got already. A later one ends the process at once, also where the main thread hangs in a collective: a thread
learns of every signal through a pipe.

A forked child, such as a data worker, leaves these signals to its parent: ``torchrun`` and Slurm send them to all
processes of a job, and the step that is to be finished needs its data. It ends when its parent says so or is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

SIGNALS = tuple(signal.Signals[name] for name in ('SIGTERM', 'SIGINT', 'SIGUSR1') if hasattr(signal, name))
FORWARDED = 2.0  # seconds in which a second signal is a launcher's copy of the first


class Interrupted(SystemExit):
    """The end by a signal; its exit status is 128 and the signal's number.

    Args:
        number: The signal.
        what: What became of the run, to follow the signal's name.
    """

    def __init__(self, number: int, what: str) -> None:
        super().__init__(128 + number)
        self.sentence = f'{signal.Signals(number).name}: {what}'


class _Catcher:
    """What has been caught in this process."""

    def __init__(self) -> None:
        self.active = False
        self.deferring = False
        self.number = 0
        self.time = 0.0

    def handle(self, number: int, frame: object) -> None:
        """Python's handler, in the main thread."""
        if self.number:
            return
        self.number = number
        if not self.deferring:
            raise Interrupted(number, 'stopped')

    def listen(self, pipe: socket.socket) -> None:
        """Read the numbers of all signals in a thread; end the process at the second one that counts."""
        while data := pipe.recv(1):
            if data[0] not in SIGNALS:
                continue
            now = time.monotonic()
            if not self.time:
                self.time = now
            elif now - self.time > FORWARDED:
                end_at_once(128 + data[0], f'mmuda: {signal.Signals(data[0]).name} again: ended at once')


_catcher = _Catcher()


@contextlib.contextmanager
def caught_signals() -> Iterator[None]:
    """Catch the signals while a block runs; for the main thread, elsewhere and inside another such block idle."""
    if threading.current_thread() is not threading.main_thread() or _catcher.active:
        yield
        return
    _catcher.__init__()
    _catcher.active = True
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    threading.Thread(target=_catcher.listen, args=(reading,), name='signals', daemon=True).start()
    before_pipe = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _catcher.handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_pipe)
        _catcher.active = False
        writing.close()


def defer() -> None:
    """Let a signal not raise from now on: the caller asks :func:`requested`."""
    _catcher.deferring = True


def release() -> None:
    """Let a signal raise again from now on; one that came meanwhile stays :func:`requested`."""
    _catcher.deferring = False


def requested() -> int:
    """Return the number of the signal that asked this process to end, 0 for none."""
    return _catcher.number


def leave(status: int, sentence: str) -> NoReturn:
    """Print a sentence on stderr and exit; a rank of several exits without the interpreter's cleaning up.

    That could wait for other ranks, or let a thread of gloo abort the process and so replace its exit status
    (pytorch/pytorch#179291).
    """
    if _is_rank():
        sys.stdout.flush()
        sys.stderr.flush()
        end_at_once(status, sentence)
    print(sentence, file=sys.stderr, flush=True)
    kill_children()
    sys.exit(status)


def _is_rank() -> bool:
    """Tell whether this process has joined a group, which nobody does without torch; do not import it to find out."""
    dist = sys.modules.get('torch.distributed')
    return dist is not None and dist.is_available() and dist.is_initialized()


def end_at_once(status: int, sentence: str) -> NoReturn:
    """Print a sentence on stderr and end the process with its children, from any thread; nothing else is finished."""
    os.write(2, f'{sentence}\n'.encode(errors='backslashreplace'))  # a stream may be locked by the main thread
    kill_children()
    os._exit(status)


def kill_children() -> None:
    """Kill the processes that this one has forked, stopped ones too, for which an ordinary exit waits forever."""
    children = multiprocessing.active_children()
    if not children:
        return
    with _without_child_handler():
        for child in children:
            child.kill()
        for child in children:
            child.join(1)


@contextlib.contextmanager
def _without_child_handler() -> Iterator[None]:
    """Keep torch's handler, which raises when a data worker is killed, from running in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _leave_to_parent() -> None:
    """Keep signals from the run's pipe in a forked child, where only SIGTERM from the parent counts."""
    if not _catcher.active:
        return
    _catcher.active = False
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in SIGNALS[1:]:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, 'sigtimedwait'):  # not on macOS, where nobody signals whole jobs
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey, args=(os.getppid(),), name='obey parent', daemon=True).start()


def _obey(parent: int) -> None:
    """End with status 0, as torch's own handler does, when the parent sends SIGTERM or is gone."""
    while os.getppid() == parent:
        caught = signal.sigtimedwait({signal.SIGTERM}, 1)
        if caught is not None and caught.si_pid == parent:
            break
    os._exit(0)


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_leave_to_parent)
