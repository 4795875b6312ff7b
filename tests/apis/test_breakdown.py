"""What comes from outside ends in one sentence; a bug keeps its traceback."""

import errno
import logging
import os
import shutil

import pytest
from torch.utils.data import DataLoader

from mmuda.apis import UserError
from mmuda.apis.breakdown import explained_breakdowns
from mmuda.apis.errors import STORAGE


def broken(error, work_dir, ending=str) -> str:
    """The sentence for an error in a run."""
    with pytest.raises(UserError) as info, explained_breakdowns(work_dir, ending):
        raise error
    return str(info.value)


@pytest.mark.parametrize('number', STORAGE)
def test_a_disk_that_takes_no_more(tmp_path, number):
    error = OSError(number, os.strerror(number))
    assert broken(error, tmp_path).startswith(f'a file below {tmp_path} cannot be written ({os.strerror(number)}): ')
    error.filename = f'{tmp_path}/iter_4.pth'
    sentence = broken(error, tmp_path, lambda: 'the last good checkpoint is x')
    assert sentence.startswith(f'{tmp_path}/iter_4.pth cannot be written (')
    assert sentence.endswith('; the last good checkpoint is x')


def test_a_vanished_work_directory(tmp_path):
    error = FileNotFoundError(errno.ENOENT, 'No such file', str(tmp_path / 'run/log/scalars.json'))
    assert (
        broken(error, tmp_path / 'run')
        == f'work directory {tmp_path}/run has vanished: it was moved or removed during the run'
    )
    (tmp_path / 'run').mkdir()
    assert broken(error, tmp_path / 'run') == f'{tmp_path}/run/log has vanished: it was moved or removed during the run'


@pytest.mark.parametrize(
    'text, sentence',
    [
        (
            'DataLoader worker (pid 12) is killed by signal: Killed. ',
            'data worker 12 (a process that loads images) was kil',
        ),
        ('DataLoader worker (pid 12) is killed by signal: Killed. ', 'killed by the signal Killed, which is'),
        (
            'DataLoader worker (pid(s) 12, 13) exited unexpectedly',
            'data worker 12, 13 (a process that loads images) has ',
        ),
        ('DataLoader worker (pid 12) is killed by signal: Bus error. It is', 'used up the shared memory (/dev/shm)'),
        (
            'unable to write to file </torch_1_2_3>: No space left on device (28)',
            'used up the shared memory (/dev/shm)',
        ),
    ],
)
def test_a_lost_data_worker(tmp_path, text, sentence):
    assert sentence in broken(RuntimeError(text), tmp_path)


def test_a_lost_data_worker_of_which_other_code_has_made_an_error_of_its_own(tmp_path):
    """As mmengine does when torch's handler raises while a config is being formatted."""
    error = SyntaxError('Failed to format the config file')
    error.__context__ = RuntimeError('DataLoader worker (pid 12) is killed by signal: Killed. ')
    assert 'data worker 12 (a process that loads images) was killed by the signal Killed' in broken(error, tmp_path)


@pytest.mark.parametrize(
    'error',
    [RuntimeError('shapes'), OSError('no number'), FileNotFoundError(errno.ENOENT, 'gone', '/elsewhere/image.png')],
)
def test_a_bug_is_left_alone(tmp_path, error):
    with pytest.raises(type(error)) as info, explained_breakdowns(tmp_path):
        raise error
    assert info.value is error


@pytest.mark.parametrize('kind', [EOFError, ConnectionResetError, FileNotFoundError])
def test_a_data_worker_that_is_gone_when_its_batch_is_taken(tmp_path, kind, monkeypatch):
    def detach(self):
        exec(compile('raise kind', 'resource_sharer.py', 'exec'), dict(kind=kind))

    monkeypatch.setattr('torch.utils.data.dataloader._SingleProcessDataLoaderIter._next_data', detach)
    with (
        pytest.raises(UserError, match=r'data worker .a process that loads images. has'),
        explained_breakdowns(tmp_path),
    ):
        next(iter(DataLoader([1])))


def test_a_log_that_cannot_be_written_prints_no_traceback(tmp_path, capsys):
    logger = logging.Logger('run')
    logger.addHandler(logging.FileHandler('/dev/full' if os.path.exists('/dev/full') else tmp_path / 'log'))
    with explained_breakdowns(tmp_path):
        logger.error('text')
    assert capsys.readouterr().err == ''
    assert logging.raiseExceptions
    shutil.rmtree(tmp_path)
