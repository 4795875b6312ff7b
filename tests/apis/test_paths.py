"""Folders that a tool will write to are checked before anything is computed."""

import os

import pytest

from mmuda.apis import UserError, check_out_dir


def test_checking_leaves_nothing(tmp_path):
    check_out_dir(tmp_path / 'a' / 'b', '--work-dir')
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path):
    (tmp_path / 'a').write_text('')
    with pytest.raises(UserError, match=r'--work-dir .*/a/b cannot be made: .*/a is a file'):
        check_out_dir(tmp_path / 'a' / 'b', '--work-dir')


@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs a folder that nobody can write to')
def test_a_folder_that_cannot_be_written():
    with pytest.raises(UserError, match=r'cannot be written \(/proc/self: .*choose another'):
        check_out_dir('/proc/self/work', '--work-dir')
