"""Work directories are checked before anything is built."""

import os

import pytest

from mmuda.apis import UserError, check_work_dir


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
