"""A rank that hangs, or waits for data that do not come: found within a time limit, and named.

Every rank has a thread that publishes once a second, in the process group's store, how far its main thread is. When its
main thread has not gone on for the limit, or has lost another rank (:func:`await_verdict`), the thread compares all
ranks, prints which one keeps the others waiting, and ends the process: in a collective the main thread could do
neither. ``DataLoader(timeout=...)`` is no substitute: a worker that is stopped while it hands a batch over blocks the
loader without any limit.

All ranks say the same: the first verdict that is in the store counts, and no rank ends, which the others would see as a
lost connection, before every rank that lives has heard it.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import torch.distributed as dist

from .progress import main_place, progress, stopped_children
from .signals import end_at_once

DEFAULT_LIMIT = 600  # seconds
TICK = 1.0
SILENCE = 8 * TICK  # a rank that publishes nothing for so long does not live
HEARING = 20 * TICK  # what a rank waits at most for the others to hear the verdict
STORE_TIMEOUT = 30.0


class Record(NamedTuple):
    """What a rank says of itself."""

    rank: int
    tick: int
    position: list[int]
    doing: str
    place: str
    waits: bool
    loads: bool
    idle: float
    process: str

    @property
    def name(self) -> str:
        """Which process it is."""
        return f'rank {self.rank} ({self.process})'

    @property
    def activity(self) -> str:
        """What it does, and where."""
        return f'{self.doing} for {self.idle:.0f} s, at {self.place}'


class Verdict(NamedTuple):
    """What all ranks say, and the ranks that live: they have to hear it before one of them ends."""

    sentence: str
    living: list[int]


class StallWatch(threading.Thread):
    """Watches the main thread of this rank, and compares it with the others' when it hangs.

    Time in which this process itself was stopped (SIGSTOP, a suspended machine) does not count.

    Args:
        limit: Seconds without progress after which the run ends; the process group's own timeout.
        advice: What the user does then, asked for at the end of the run.
    """

    def __init__(self, limit: float, advice: Callable[[], str]) -> None:
        super().__init__(name='stall watch', daemon=True)
        self.limit = limit
        self.patience = max(0.95 * limit - 10, limit / 2)  # the process group's own error would come at the limit
        self.advice = advice
        together = dist.is_available() and dist.is_initialized()
        self.rank, self.ranks = (dist.get_rank(), dist.get_world_size()) if together else (0, 1)
        self.asked, self.stopped = threading.Event(), threading.Event()
        self.ticks = 0
        self._store: dist.Store | None = _connect(limit) if self.ranks > 1 else None

    def start(self) -> None:
        """Say who this rank is, then watch: the others can name it whatever happens to it from here on."""
        global _watch
        self._publish(0.0)
        _watch = self
        super().start()

    def run(self) -> None:
        """Publish once a second until the run ends or hangs."""
        beats, idle, before = progress.beats, 0.0, time.monotonic()
        while not self.stopped.wait(TICK):
            now = time.monotonic()
            idle = 0.0 if progress.beats != beats else idle + min(now - before, 2 * TICK)
            beats, before = progress.beats, now
            own = self._publish(idle)
            verdict = self._told()
            alone_at_work = self.ranks == 1 and not own.loads  # it may be in a debugger
            if verdict is None and (idle >= self.patience or self.asked.is_set()) and not alone_at_work:
                verdict = self._judge(own)
                if progress.beats != beats:
                    continue
                verdict = self._agreed(verdict)
            if verdict is not None and not self.stopped.is_set():
                self._wait_for_hearing(verdict.living)
                end_at_once(1, f'mmuda: error: {verdict.sentence}; {self.advice()}')

    def stop(self) -> None:
        """Stop the watch: the run is over."""
        global _watch
        _watch = None
        self.stopped.set()

    def _publish(self, idle: float) -> Record:
        self.ticks += 1
        place, doing = main_place(), progress.doing
        if place.loads and idle >= self.limit / 2:
            stopped = stopped_children()
            doing = 'waiting for data' + f' (its worker process {stopped[0]} is stopped)' * bool(stopped)
        process = f'process {os.getpid()} on {socket.gethostname()}'
        record = Record(self.rank, self.ticks, list(progress.position), doing, *place, idle, process)
        self._guarded(lambda store: store.set(f'rank {self.rank}', json.dumps(record)))
        return record

    def _judge(self, own: Record) -> Verdict:
        """Tell who keeps the others waiting; a rank that is slow to publish has time to do so."""
        if self.ranks == 1:
            return Verdict(f'{own.name} has been {own.activity}', [])
        before, end = self._records(), time.monotonic() + SILENCE
        silent = list(range(self.ranks))
        while silent and time.monotonic() < end:
            time.sleep(TICK)
            self._publish(own.idle)
            now = self._records()
            silent = [
                rank for rank in silent if rank not in now or (rank in before and now[rank].tick == before[rank].tick)
            ]
        return Verdict(describe(now, silent, self.ranks), sorted(set(range(self.ranks)) - set(silent)))

    def _told(self) -> Verdict | None:
        """Return the verdict of the rank that came to one first."""
        return self._guarded(lambda store: _verdict(store.get('verdict')) if store.check(['verdict']) else None)

    def _agreed(self, verdict: Verdict) -> Verdict:
        """Return the verdict of all ranks: this one, unless another rank was first."""
        text = json.dumps(verdict)
        return self._guarded(lambda store: _verdict(store.compare_set('verdict', '', text))) or verdict

    def _wait_for_hearing(self, living: list[int]) -> None:
        """Wait until these ranks know the verdict: the end of one, with which the store may go, tells them nothing."""
        end, keys = time.monotonic() + HEARING, [f'heard {rank}' for rank in living]
        self._guarded(lambda store: store.set(f'heard {self.rank}', 'yes'))
        while self._guarded(lambda store: not store.check(keys)) and time.monotonic() < end:
            time.sleep(TICK / 10)

    def _records(self) -> dict[int, Record]:
        def read(store: dist.Store) -> dict[int, Record]:
            known = [rank for rank in range(self.ranks) if store.check([f'rank {rank}'])]
            return {rank: Record(*json.loads(store.get(f'rank {rank}'))) for rank in known}

        return self._guarded(read) or {}

    def _guarded(self, use: Callable[[dist.Store], Any]) -> Any:
        """Return None, now and later, when the store does not answer: its keeper is gone or stopped."""
        try:
            return use(self._store) if self._store is not None else None
        except (RuntimeError, dist.DistError):
            self._store = None


_watch: StallWatch | None = None  # of this process


def await_verdict() -> None:
    """Let the watching thread say which rank is gone and end this process; for a main thread that has lost it.

    Returns where nobody watches.
    """
    if _watch is not None:
        _watch.asked.set()
        _watch.join(SILENCE + HEARING + STORE_TIMEOUT)


def describe(now: dict[int, Record], silent: list[int], ranks: int) -> str:
    """Return one sentence on which rank keeps the others waiting.

    Args:
        now: The ranks' records.
        silent: Those that publish nothing.
        ranks: How many there are.
    """
    if not now:
        return f'no rank answers, nor does the store at {_address()}: the launcher or rank 0 is gone'
    if silent:
        names = ', '.join(now[rank].name if rank in now else f'rank {rank}' for rank in silent)
        return (
            f'{names} of {ranks} ranks gives no sign of life: the process has ended (look at its own messages) or is '
            'stopped, or its machine is gone'
        )
    least = min(record.position for record in now.values())
    behind = [record for record in now.values() if record.position == least]
    if len(behind) == ranks:
        behind = [record for record in now.values() if not record.waits]
    if 0 < len(behind) < ranks:
        names = '; '.join(f'{record.name} of {ranks} has been {record.activity}' for record in behind)
        return f'{names}: the other ranks wait for it'
    return 'no rank goes on: ' + '; '.join(f'{record.name} has been {record.activity}' for record in now.values())


def _connect(limit: float) -> dist.Store | None:
    """Return a connection of its own to the store of the process group, which the main thread may be holding.

    None where the group was not joined through an address: then no rank can be named.
    """
    if 'MASTER_ADDR' not in os.environ or 'MASTER_PORT' not in os.environ:
        return None
    store = dist.TCPStore(
        os.environ['MASTER_ADDR'],
        int(os.environ['MASTER_PORT']),
        is_master=False,
        wait_for_workers=False,
        timeout=timedelta(seconds=min(limit, STORE_TIMEOUT)),
    )
    return dist.PrefixStore(f'mmuda/{os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")}', store)


def _verdict(text: bytes) -> Verdict:
    return Verdict(*json.loads(text))


def _address() -> str:
    return f'{os.environ.get("MASTER_ADDR")}:{os.environ.get("MASTER_PORT")}'
