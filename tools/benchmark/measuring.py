"""Time alternatives against each other in one process, and print what a reader needs to trust it.

Machines are shared and clocks drift, so alternatives take turns, step by step, and only the ratio of
their medians is a result. On a busy machine the processor's time tells more than the wall clock's.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

PAGE = resource.getpagesize()


class Elapsed(NamedTuple):
    """Milliseconds of one call: on the wall, and of all this process's threads on the processor."""

    wall: float
    cpu: float


def synchronize() -> None:
    """Wait for the accelerator, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def clock(function: Callable[[], object]) -> Elapsed:
    """How long one call takes."""
    synchronize()
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    synchronize()
    return Elapsed((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3)


def interleave(functions: dict[str, Callable[[], object]], iters: int, warmup: int) -> dict[str, list[Elapsed]]:
    """`iters` calls of each function, taking turns in alternating order after `warmup` rounds."""
    times: dict[str, list[Elapsed]] = {name: [] for name in functions}
    order = list(functions)
    for turn in range(warmup + iters):
        for name in order:
            elapsed = clock(functions[name])
            if turn >= warmup:
                times[name].append(elapsed)
        order.reverse()
    return times


def peak_memory(function: Callable[[], object]) -> float:
    """MiB that one call holds at its peak beyond what was held before it.

    On a GPU from the allocator; on a CPU from the resident size, sampled every millisecond, after
    the C library has given its free memory back.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    release_free_memory()
    done, peak, before = threading.Event(), [0], resident()

    def watch() -> None:
        while not done.wait(0.001):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        function()
    finally:
        done.set()
        watcher.join()
    return max(peak[0] - before, 0) / 2**20


def release_free_memory() -> None:
    """Ask glibc to return what it holds; other C libraries do it by themselves or not at all."""
    if sys.platform == 'linux' and hasattr(ctypes.CDLL(None), 'malloc_trim'):
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes of this process in memory (0 where the system does not tell)."""
    status = Path('/proc/self/statm')
    return int(status.read_text().split()[1]) * PAGE if status.is_file() else 0


def environment(**settings: object) -> str:
    """One line: versions, threads, device and the settings of the run."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu'
    facts = dict(
        torch=torch.__version__,
        python=sys.version.split()[0],
        threads=torch.get_num_threads(),
        device=device,
        **settings,
    )
    return ', '.join(f'{key} {value}' for key, value in facts.items())


def row(name: str, times: Sequence[Elapsed], reference: Sequence[Elapsed]) -> tuple[str, ...]:
    """Name, median and middle half on the wall, median on the processor, and both ratios to `reference`."""
    wall, cpu = zip(*times)
    low, _, high = statistics.quantiles(wall, n=4) if len(wall) > 1 else wall * 3
    ratios = (statistics.median(ours) / statistics.median(theirs) for ours, theirs in zip((wall, cpu), zip(*reference)))
    return (
        name,
        f'{statistics.median(wall):.1f} ({low:.1f}–{high:.1f})',
        f'{statistics.median(cpu):.1f}',
        *(f'{value:.3f}' for value in ratios),
    )


COLUMNS = ('ms (middle half)', 'cpu ms', 'wall ratio', 'cpu ratio')


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain aligned columns."""
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    return '\n'.join(
        '  '.join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (header, *rows)
    )
