"""Start `train_worker.py` as one process or as two gloo ranks."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name('train_worker.py')
METHODS = ('source-only', 'dacs', 'daformer', 'mic', 'hrda', 'vfm-uda', 'fda', 'minent', 'advent', 'adaptsegnet')
"""Methods of segmentation whose toy leaves are trained by several processes, killed and resumed."""


@pytest.fixture
def train(tmp_path, repo):
    """``train('name', '--max-iters', 4, ranks=1)`` → exit codes of the processes, the run's folder, logs."""

    def start(name: str, *options, ranks: int = 1):
        work_dir = tmp_path / name
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = str(probe.getsockname()[1])
        processes = []
        for rank in range(ranks):
            env = dict(os.environ, PYTHONPATH=str(repo), OMP_NUM_THREADS='1')
            if ranks > 1:
                env |= dict(
                    RANK=str(rank),
                    LOCAL_RANK=str(rank),
                    WORLD_SIZE=str(ranks),
                    MASTER_ADDR='127.0.0.1',
                    MASTER_PORT=port,
                )
            command = [sys.executable, str(WORKER), str(work_dir), *map(str, options)]
            processes.append(
                subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            )
        logs = [process.communicate(timeout=1200)[0] for process in processes]
        return [process.returncode for process in processes], work_dir, logs

    return start


@pytest.fixture
def trained(train):
    """Like ``train``, but the run must succeed; gives the checkpoint of the last step."""

    def start(name: str, *options, ranks: int = 1) -> dict:
        codes, work_dir, logs = train(name, *options, ranks=ranks)
        assert codes == [0] * ranks, logs[0][-3000:]
        name = (work_dir / 'last_checkpoint').read_text()
        return torch.load(name, map_location='cpu', weights_only=False)

    return start
