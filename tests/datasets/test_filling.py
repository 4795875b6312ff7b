"""Output folders that one run fills at a time; `tests/faults/test_filling.py` holds the tools to it."""

import os

import pytest

from mmuda.datasets import DataError
from mmuda.datasets.filling import FILE, filling
from mmuda.storage import FolderLock


def fill(*folders, meanwhile=lambda: None):
    with filling(map(str, folders)):
        meanwhile()


def test_folders_are_made_and_those_that_stay_empty_go(tmp_path):
    def write():
        (tmp_path / 'new/b/made').write_text('')
        raise ZeroDivisionError

    (tmp_path / 'mine').mkdir()
    with pytest.raises(ZeroDivisionError):
        fill(*(tmp_path / name for name in ('new/a', 'new/a', 'new/b', 'mine')), meanwhile=write)
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['b', 'made', 'mine', 'new']


def test_one_that_is_filled_is_refused_and_the_others_are_given_back(tmp_path):
    with pytest.raises(DataError, match=rf'/b is in use by process {os.getpid()} on .*: wait for it, or choose anoth'):
        fill(tmp_path / 'b', meanwhile=lambda: fill(tmp_path / 'a', tmp_path / 'b'))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', ['file', 'file/below'])
def test_what_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / 'file').write_text('')
    with pytest.raises(DataError, match=r"'.*/file.*' cannot be written \(.+\): choose another --out"):
        fill(tmp_path / name)


def test_a_run_that_was_suspended_says_that_its_folder_was_taken(tmp_path):
    other = FolderLock(tmp_path, FILE)

    def take():
        os.utime(tmp_path / FILE, (0, 0))
        other.acquire()

    with pytest.raises(DataError, match=rf"'{tmp_path}' was taken over by process {os.getpid()} on .* while it was f"):
        fill(tmp_path, meanwhile=take)
    other.release()


def test_a_folder_that_vanishes(tmp_path):
    with pytest.raises(DataError, match='was moved or removed while it was filled'):
        fill(tmp_path / 'run', meanwhile=lambda: (tmp_path / 'run').rename(tmp_path / 'moved'))
