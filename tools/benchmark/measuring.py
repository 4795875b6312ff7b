"""Time alternatives against each other in one process, and print what a reader needs to trust it.

Machines are shared and clocks drift, so alternatives take turns, step by step, and only the ratio of
their medians is a result. On a busy machine the processor's time tells more than the wall clock's.
"""

from __future__ import annotations

import argparse
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
from torch import Tensor, nn

from mmuda.apis import ToolParser, at_least
from mmuda.apis.allocator import keep_freed_memory

PAGE = resource.getpagesize()


def add_options(parser: ToolParser) -> None:
    """Add what every benchmark of layers asks; :func:`settle` acts on it."""
    parser.add_argument('--iters', type=at_least(1), default=15)
    parser.add_argument('--warmup', type=at_least(0), default=3)
    parser.add_argument('--threads', type=at_least(0), default=0, help="0: torch's own choice")
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--amp', action='store_true', help='bfloat16')
    parser.add_argument('--keep-freed', action='store_true', help='keep freed memory, as tools/train.py does')
    parser.set_defaults(device='cuda' if torch.cuda.is_available() else 'cpu')


def settle(args: argparse.Namespace) -> dict[str, object]:
    """Set memory, threads and seed as the options say; what of them a reader needs to know."""
    if args.keep_freed:
        keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return dict(iters=args.iters, precision='bf16' if args.amp else 'fp32', keep_freed=args.keep_freed)


def gradients(function: Callable[[], Tensor], inputs: Sequence[Tensor], args: argparse.Namespace) -> Callable[[], None]:
    """Return forward and backward of a function with respect to `inputs`."""

    def step() -> None:
        with torch.autocast(args.device, torch.bfloat16, enabled=args.amp):
            y = function()
        torch.autograd.grad(y, inputs, torch.ones_like(y))

    return step


def sgd_steps(net: nn.Module, loss: Callable[[], Tensor], args: argparse.Namespace) -> Callable[[], None]:
    """Return forward, backward and SGD of a network."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(args.device, torch.bfloat16, enabled=args.amp):
            value = loss()
        value.backward()
        optimizer.step()

    return step


class Elapsed(NamedTuple):
    """Milliseconds of one call: on the wall, and of all this process's threads on the processor."""

    wall: float
    cpu: float


def synchronize() -> None:
    """Wait for the accelerator, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def clock(function: Callable[[], object]) -> Elapsed:
    """Tell how long one call takes."""
    synchronize()
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    synchronize()
    return Elapsed((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3)


def interleave(functions: dict[str, Callable[[], object]], iters: int, warmup: int) -> dict[str, list[Elapsed]]:
    """Time `iters` calls of each function, taking turns in alternating order after `warmup` rounds."""
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
    """Measure the MiB that one call holds at its peak beyond what was held before it.

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
    """Return the bytes of this process in memory (0 where the system does not tell)."""
    status = Path('/proc/self/statm')
    return int(status.read_text().split()[1]) * PAGE if status.is_file() else 0


def environment(**settings: object) -> str:
    """Return one line: versions, threads, device and the settings of the run."""
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
    """Align plain columns."""
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    return '\n'.join(
        '  '.join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (header, *rows)
    )
