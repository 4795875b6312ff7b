"""A rank ends when its launcher is gone, however that ended."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from .signals import end_at_once, requested

GRACE = 600.0  # seconds for the last step and its checkpoint; torchrun gives as many, see tools/torchrun.sh


@contextlib.contextmanager
def follow_launcher() -> Iterator[None]:
    """Send this process SIGTERM when its parent is gone while a block runs, and end it when that has not ended it.

    A launcher that is killed cannot tell its ranks, which would train on and hold their devices. For ranks only: a
    process that a shell started may outlive it.
    """
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(os.getppid(), over), name='follow launcher', daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _follow(parent: int, over: threading.Event) -> None:
    while os.getppid() == parent:
        if over.wait(1):
            return
    os.write(2, f'mmuda: the launcher, process {parent}, is gone\n'.encode())
    if not requested():
        os.kill(os.getpid(), signal.SIGTERM)
    if not over.wait(GRACE):
        end_at_once(128 + signal.SIGTERM, f'mmuda: {GRACE:.0f} s after its launcher this process is ended, too')
