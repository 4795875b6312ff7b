"""A process that is killed leaves whole files, and a resumed run ends with the bits of one that was not."""

import os
import signal

import pytest

from mmuda.storage import find_latest


@pytest.fixture
def killed_at_sync(monkeypatch):
    """``killed_at_sync(n)``: the process dies while it writes its n-th file, when half of it is on the disk."""

    def patch(number: int) -> None:
        calls = []

        def fsync(file: int) -> None:
            if os.path.isfile(f'/proc/self/fd/{file}'):
                calls.append(file)
            if len(calls) == number:
                os.ftruncate(file, os.fstat(file).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(os, 'fsync', fsync)

    return patch


@pytest.mark.slow
def test_killed_inside_the_second_checkpoint(start, leaf, trained, same, killed_at_sync, monkeypatch, tmp_path):
    config = leaf("default_hooks['checkpoint'].update(max_keep_ckpts=1)")
    with monkeypatch.context():
        killed_at_sync(3)  # a checkpoint, `last_checkpoint`, a checkpoint
        run = start(config, '--work-dir', tmp_path / 'run')
        assert run.end() == -signal.SIGKILL
        monkeypatch.undo()
    left = {path.name for path in (tmp_path / 'run').glob('*.pth')}
    assert left == {'iter_1.pth'}
    assert find_latest(tmp_path / 'run').path == tmp_path / 'run/iter_1.pth'
    assert len(list((tmp_path / 'run').glob('.*.part'))) == 1
    assert start(config, '--work-dir', tmp_path / 'run', '--resume').end() == 0
    assert same(tmp_path / 'run/iter_4.pth', trained[0] / 'iter_4.pth')
