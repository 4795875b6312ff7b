"""A rank whose launcher is gone is asked to end."""

import multiprocessing
import os
import signal
import threading
import time

from mmuda.processes import Interrupted, caught_signals, follow_launcher

fork = multiprocessing.get_context('fork')


def _rank(pipe):
    try:
        with caught_signals(), follow_launcher():
            pipe.send('running')
            time.sleep(60)
    except Interrupted as end:
        pipe.send(end.code)


def _launcher(pipe):
    process = fork.Process(target=_rank, args=(pipe,))
    process.start()
    process.join()


def test_a_rank_ends_when_its_launcher_is_killed():
    ours, theirs = fork.Pipe()
    launcher = fork.Process(target=_launcher, args=(theirs,))
    launcher.start()
    assert ours.recv() == 'running'
    os.kill(launcher.pid, signal.SIGKILL)
    assert ours.poll(60)
    assert ours.recv() == 143
    launcher.join()


def test_nobody_is_followed_behind_the_block():
    with follow_launcher():
        assert 'follow launcher' in {thread.name for thread in threading.enumerate()}
    assert 'follow launcher' not in {thread.name for thread in threading.enumerate()}
