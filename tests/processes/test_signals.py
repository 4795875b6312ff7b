"""What a signal does to a tool, and what it does not do to the processes that the tool forks."""

import multiprocessing
import os
import signal
import threading
import time

import pytest

from mmuda.processes import Interrupted, caught_signals, defer, release, requested

fork = multiprocessing.get_context('fork')


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGINT', 'SIGUSR1'])
def test_a_signal_raises_with_its_exit_status(name):
    before = signal.getsignal(signal.Signals[name])
    with pytest.raises(Interrupted) as info, caught_signals():
        os.kill(os.getpid(), signal.Signals[name])
    assert info.value.code == 128 + signal.Signals[name]
    assert info.value.sentence == f'{name}: stopped'
    assert signal.getsignal(signal.Signals[name]) is before


def test_a_deferred_signal_is_kept():
    with caught_signals():
        assert requested() == 0
        defer()
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        release()
        assert requested() == signal.SIGUSR1
    with caught_signals():
        assert requested() == 0


def test_another_thread_catches_nothing():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run():
        with caught_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


def _tool(pipe):
    """Fork a child and say its number; then wait for what the test sends."""
    with caught_signals():
        defer()
        child = fork.Process(target=time.sleep, args=(60,), daemon=True)
        child.start()
        pipe.send(child.pid)
        pipe.recv()
        pipe.send((requested(), child.is_alive()))
        child.terminate()
        child.join()
        pipe.send(child.exitcode)


@pytest.mark.skipif(not hasattr(signal, 'sigtimedwait'), reason='needs the sender of a signal')
def test_a_forked_child_leaves_signals_to_its_parent():
    """A launcher signals all of them; a child takes SIGTERM from its parent only, and tells nobody of it."""
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_tool, args=(theirs,))
    process.start()
    child = ours.recv()
    time.sleep(0.2)  # the child has to be past its fork
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        os.kill(child, number)
    time.sleep(0.2)
    ours.send('go on')
    assert ours.recv() == (0, True)
    assert ours.recv() == 0
    process.join()
    assert process.exitcode == 0
