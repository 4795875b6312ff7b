"""One training a work directory, whoever holds it, and however it ended."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from mmuda.storage import FolderLock, LockedError
from mmuda.storage.lock import FILE

OTHER = """
import sys, time
from mmuda.storage import FolderLock, LockedError
lock = FolderLock(sys.argv[1])
try:
    lock.acquire()
except LockedError as error:
    sys.exit(str(error))
print('held', flush=True)
time.sleep(float(sys.argv[2]))
lock.release()
"""


@pytest.fixture
def other(tmp_path, repo):
    """``other(seconds)``: a process that holds the lock of ``tmp_path`` so long."""
    processes = []

    def start(seconds=1000, wait=True):
        command = [sys.executable, '-c', OTHER, str(tmp_path), str(seconds)]
        env = dict(os.environ, PYTHONPATH=str(repo))
        processes.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        assert not wait or processes[-1].stdout.readline() == 'held\n'
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def foreign(tmp_path, **changes) -> FolderLock:
    """A lock as a process that is not this one has left it."""
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock._end.set()
    lock._thread.join()
    content = json.loads(lock.path.read_text()) | changes
    lock.path.write_text(json.dumps(content))
    return lock


def touched(tmp_path, seconds_ago):
    then = time.time() - seconds_ago
    os.utime(tmp_path / FILE, (then, then))


def test_a_released_lock_leaves_nothing(tmp_path):
    for _ in range(2):
        lock = FolderLock(tmp_path)
        assert lock.acquire() == ''
        assert lock.is_held()
        lock.release()
        assert os.listdir(tmp_path) == []


def test_the_second_is_told_who_holds_it(tmp_path, other):
    pid = other().pid
    with pytest.raises(LockedError, match=rf'{tmp_path} is in use by process {pid} on {socket.gethostname()}, whose l'):
        FolderLock(tmp_path).acquire()
    assert os.listdir(tmp_path) == [FILE]


def test_one_of_many_that_start_together_gets_it(tmp_path, other):
    processes = [other(wait=False) for _ in range(4)]
    while len(running := [process for process in processes if process.poll() is None]) > 1:
        time.sleep(0.01)
    (first,) = running
    refused = [process.communicate()[1] for process in processes if process is not first]
    assert all(f'in use by process {first.pid}' in error for error in refused), refused


def test_a_killed_holder_is_dead_at_once_also_before_its_parent_knows(tmp_path, other):
    process = other()
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    lock = FolderLock(tmp_path)
    assert lock.acquire() == f'process {process.pid} on {socket.gethostname()}'
    lock.release()


def test_a_number_that_is_another_process_by_now(tmp_path):
    foreign(tmp_path, started=1e9)
    assert FolderLock(tmp_path).acquire()


@pytest.mark.parametrize('seconds_ago, free', [(200, False), (400, True)])
@pytest.mark.parametrize(
    'changes', [dict(host='elsewhere', pid=2**22 + 1), dict(processes='pid:[1]', pid=2**22 + 1), {}]
)
def test_five_minutes_of_silence(tmp_path, seconds_ago, free, changes):
    """From another machine or container, whose processes cannot be seen, and from one that hangs."""
    foreign(tmp_path, **changes)
    touched(tmp_path, seconds_ago)
    if free:
        assert FolderLock(tmp_path).acquire()
    else:
        with pytest.raises(LockedError, match='sign of life is 200 s old'):
            FolderLock(tmp_path).acquire()


@pytest.mark.parametrize('restart, free', [('1', True), ('0', False)])
def test_a_requeued_job_takes_its_own_lock_from_another_machine(tmp_path, monkeypatch, restart, free):
    monkeypatch.setenv('SLURM_JOB_ID', '17')
    foreign(tmp_path, host='elsewhere')
    monkeypatch.setenv('SLURM_RESTART_COUNT', restart)
    if free:
        assert FolderLock(tmp_path).acquire().endswith('on elsewhere (job 17)')
    else:
        with pytest.raises(LockedError, match=r'elsewhere \(job 17\)'):
            FolderLock(tmp_path).acquire()


def test_a_holder_that_lost_its_lock_knows_and_leaves_the_new_one_alone(tmp_path):
    first = foreign(tmp_path)
    touched(tmp_path, 400)
    second = FolderLock(tmp_path)
    second.acquire()
    assert (first.is_held(), second.is_held()) == (False, True)
    first.release()
    assert second.is_held()


def test_signs_of_life(tmp_path):
    lock = FolderLock(tmp_path, heartbeat=0.01)
    lock.acquire()
    touched(tmp_path, 400)
    end = time.monotonic() + 60
    while time.time() - lock.path.stat().st_mtime > 100:
        assert time.monotonic() < end
        time.sleep(0.01)
    lock.release()


def test_a_lock_that_is_just_being_written(tmp_path):
    (tmp_path / FILE).write_text('')
    with pytest.raises(LockedError, match='in use by a process that is just starting'):
        FolderLock(tmp_path).acquire()
    touched(tmp_path, 400)
    assert FolderLock(tmp_path).acquire() == 'a process that left no name'


@pytest.mark.parametrize('move', [shutil.move, shutil.copytree])
def test_a_copy_of_a_folder_in_use_is_free_but_the_folder_itself_is_not(tmp_path, move):
    (tmp_path / 'run').mkdir()
    FolderLock(tmp_path / 'run').acquire()
    move(tmp_path / 'run', tmp_path / 'new')
    if move is shutil.copytree:
        assert FolderLock(tmp_path / 'new').acquire() == ''
    else:
        with pytest.raises(LockedError):
            FolderLock(tmp_path / 'new').acquire()
