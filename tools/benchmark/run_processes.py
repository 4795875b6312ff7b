"""How processes of runs begin, and end with the tool that has started them: no command of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable


def start_method(tasks: Iterable[str]) -> multiprocessing.context.BaseContext:
    """Fork runs from a process that has imported what they need, and has no signal handlers of this one."""
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['__main__', *(f'mmuda.models.tasks.{task}' for task in sorted(set(tasks)))])
    return context


def end_with_parent() -> None:
    """Wait until the tool is gone, however it ended, and end this process with a checkpoint: nobody waits for it."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)
