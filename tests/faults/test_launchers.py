"""`tools/dist_train.sh` with two processes: what becomes of them when it is asked to end, killed, or loses one."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PATIENCE = 900  # seconds; a test machine may be busy, and a start of two ranks takes a minute then
SLOW_STEPS = """
custom_imports = dict(imports=['steps'])
custom_hooks = [dict(type='mmengine.Steps')]
train_cfg = dict(max_iters=4)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=1))
"""
STEPS = """
import os, signal, time
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class Steps(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        time.sleep(float(os.environ.get('STEP', 0)))
        if os.environ.get('TORCHELASTIC_RESTART_COUNT') == '0' and runner.iter + runner.rank == 3:
            if os.environ.get('DIES'):
                os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def launch(leaf, data, tmp_path):
    """``launch(more='', **environment)`` → process, log and work directory of a training of two ranks."""
    launched = []

    def _launch(*args, more='', **environ):
        (tmp_path / 'steps.py').write_text(STEPS)
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = str(probe.getsockname()[1])
        env = os.environ | dict(MMUDA_DATA=str(data), OMP_NUM_THREADS='1', PORT=port, PYTHONPATH=f'{REPO}:{tmp_path}')
        env['PATH'] = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
        log, work_dir = tmp_path / 'launch.txt', tmp_path / 'run'
        command = ['bash', REPO / 'tools/dist_train.sh', leaf(SLOW_STEPS + more), '2', '--work-dir', work_dir, *args]
        with open(log, 'wb') as file:
            process = subprocess.Popen(command, env=env | environ, stdout=file, stderr=file, start_new_session=True)
        launched.append(process)
        return process, log, work_dir

    yield _launch
    for process in launched:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(event, log) -> None:
    end = time.monotonic() + PATIENCE
    while not event():
        assert time.monotonic() < end, log.read_text()[-4000:]
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def alive(pid: int) -> bool:
    stat = Path(f'/proc/{pid}/stat')
    return stat.exists() and stat.read_text().rpartition(')')[2].split()[0] != 'Z'


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='looks at processes as Linux lists them')
@pytest.mark.parametrize(
    'number, ranks_get, status',
    [
        (signal.SIGTERM, 'SIGTERM', 1),
        (signal.SIGINT, 'SIGINT', 1),
        (signal.SIGUSR1, 'SIGUSR1', 1),
        (signal.SIGKILL, 'SIGTERM', -signal.SIGKILL),
    ],
)
def test_a_launcher_that_ends_leaves_a_checkpoint_and_no_rank(launch, number, ranks_get, status):
    process, log, work_dir = launch(more='train_cfg = dict(max_iters=1000)', STEP='0.2')
    wait_for(lambda: 'Iter(train) [   2/1000]' in log.read_text(), log)
    ranks = children(process.pid)
    assert len(ranks) == 2
    process.send_signal(number)
    assert process.wait(PATIENCE) == status
    wait_for(lambda: not any(map(alive, ranks)), log)
    found = re.findall(
        rf'^mmuda: {ranks_get}: stopped after step (\d+), the checkpoint is (\S+); go on', log.read_text(), re.M
    )
    assert len(found) == 2
    assert found[0] == found[1]
    assert found[0][1] == f'{work_dir}/iter_{found[0][0]}.pth'
    assert {path.name for path in work_dir.glob('*.pth')} == {f'iter_{found[0][0]}.pth'}


@pytest.mark.slow
def test_a_rank_that_is_killed_is_started_again(launch):
    """The second start goes on from the checkpoint of the first."""
    more = 'default_hooks = dict(checkpoint=dict(interval=1))'
    process, log, work_dir = launch('--max-restarts', '1', more=more, DIES='1')
    assert process.wait(PATIENCE) == 0, log.read_text()[-4000:]
    text = log.read_text()
    assert re.search(r'resumed epoch: 0, iter: [23]', text)
    assert (work_dir / 'iter_4.pth').is_file()
