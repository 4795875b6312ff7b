"""What the main thread of this process is doing, for the thread that watches it."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import traceback
from pathlib import Path
from typing import NamedTuple

Position = tuple[int, int, int]
LOADING = 'torch/utils/data/dataloader.py'
WAITING = (  # where the host waits for other ranks: collectives, the backward pass and buffers of DDP, our agreement
    'torch/distributed/',
    'torch/autograd/graph.py',
    'torch/nn/parallel/distributed.py',
    'mmuda/processes/agreement.py',
)


class Progress:
    """How far the main thread is.

    Attributes:
        beats: Signs of life so far.
        position: (step, 0 before it or 1 in it, batches of validation before it); equal on all ranks at one time.
        doing: The same in words.
    """

    beats = 0
    position: Position = (0, 0, 0)
    doing = 'preparing'


class Place(NamedTuple):
    """Where the main thread is; whether that is a wait for other ranks, or one for data."""

    text: str
    waits: bool
    loads: bool


progress = Progress()


def mark(doing: str, position: Position | None = None) -> None:
    """Say that the main thread goes on.

    Args:
        doing: What it does now, for 'rank 1 has been ... for 600 s'.
        position: Where this is in the run, if it is a place that every rank comes through.
    """
    progress.doing = doing
    progress.position = position or progress.position
    progress.beats += 1


def main_place() -> Place:
    """Return the innermost Python line of the main thread."""
    frame = sys._current_frames()[threading.main_thread().ident]
    path = Path(frame.f_code.co_filename)
    text = f'{"/".join(path.parts[-3:])}:{frame.f_lineno} ({frame.f_code.co_name})'
    files = [Path(outer.f_code.co_filename).as_posix() for outer, _ in traceback.walk_stack(frame)]
    return Place(text, any(part in files[0] for part in WAITING), any(LOADING in file for file in files))


def stopped_children() -> list[int]:
    """Return forked processes, such as data workers, that are stopped (SIGSTOP), where /proc tells."""
    return [child.pid for child in multiprocessing.active_children() if _state(child.pid) == 'T']


def _state(pid: int) -> str:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return ''
