"""Work directories: checked before, cleaned after a failed start."""

import os
from types import SimpleNamespace

import pytest

from mmuda.apis import UserError, check_work_dir, clean_start


def test_checking_leaves_nothing(tmp_path):
    check_work_dir(tmp_path / 'a' / 'b')
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path):
    (tmp_path / 'a').write_text('')
    with pytest.raises(UserError, match=r'--work-dir .*/a/b cannot be made: .*/a is a file'):
        check_work_dir(tmp_path / 'a' / 'b')


@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs a folder that nobody can write to')
def test_a_folder_that_cannot_be_written():
    with pytest.raises(UserError, match=r'cannot be written \(/proc/self: .*choose another'):
        check_work_dir('/proc/self/work')


def start(path, error, iterations=0, is_main=True):
    with clean_start(path, is_main) as progress:
        (path / 'log').mkdir(parents=True)
        (path / 'config.py').write_text('')
        progress.runner = SimpleNamespace(_train_loop=SimpleNamespace(iter=iterations))
        raise error


def test_a_failed_start_is_taken_back(tmp_path):
    with pytest.raises(UserError):
        start(tmp_path / 'a' / 'b', UserError('no data'))
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path):
    (tmp_path / 'iter_1.pth').write_text('')
    with pytest.raises(UserError):
        start(tmp_path, UserError('no data'))
    assert [path.name for path in tmp_path.iterdir()] == ['iter_1.pth']


def test_a_bug_leaves_its_traces(tmp_path):
    with pytest.raises(ZeroDivisionError):
        start(tmp_path, ZeroDivisionError())
    assert (tmp_path / 'log').is_dir()


def test_a_run_that_has_trained_keeps_its_log(tmp_path):
    with pytest.raises(UserError):
        start(tmp_path, UserError('not finite'), iterations=7)
    assert (tmp_path / 'log').is_dir()


def test_other_ranks_remove_nothing(tmp_path):
    with pytest.raises(UserError):
        start(tmp_path / 'a', UserError('no data'), is_main=False)
    assert (tmp_path / 'a').is_dir()
