"""Every file that a user names is looked at before it is opened: missing, a folder, or empty."""

import pytest

from mmuda.apis import UserError, read_checkpoint
from mmuda.apis.paths import check_file, check_out_dir, check_out_file
from mmuda.datasets import CIFAR10, DataError, Digits
from mmuda.datasets.ann_file import read_ann_file


@pytest.fixture(params=['does not exist', 'is a folder, not a file', 'is empty'])
def spoilt(request, tmp_path):
    """A path and what is wrong with it."""
    path = tmp_path / 'test_batch.bin'
    if 'folder' in request.param:
        path.mkdir()
    elif 'empty' in request.param:
        path.touch()
    return path, request.param


@pytest.mark.parametrize(
    'read',
    [
        read_checkpoint,
        read_ann_file,
        lambda path: check_file(path, 'checkpoint', 'check it'),
        lambda path: Digits(path.name, data_root=str(path.parent)),
        lambda path: CIFAR10(data_root=str(path.parent), split='test'),
    ],
    ids=['checkpoint', 'list file', 'any file', 'archive', 'CIFAR-10'],
)
def test_what_is_wrong_is_said(read, spoilt):
    path, problem = spoilt
    with pytest.raises((UserError, DataError), match=rf'{path.name}.* {problem}'):
        read(path)


def test_where_nothing_can_be_written_the_option_is_named(tmp_path):
    (tmp_path / 'file').write_text('x')
    for check, path, reason in (
        (check_out_dir, 'file/a', 'is a file; choose another --out'),
        (check_out_file, 'file/a', 'is a file; choose another --out'),
        (check_out_file, '.', 'is a folder: give the name of a file in it'),
    ):
        with pytest.raises(UserError, match=rf'^--out .*{reason}'):
            check(tmp_path / path, '--out')
    with pytest.raises(UserError, match=r'--out .* is the file that is read'):
        check_out_file(tmp_path / 'file', '--out', source=tmp_path / 'file')
    check_out_file(tmp_path / 'new/deeper.png', '--out')
    assert [path.name for path in tmp_path.iterdir()] == ['file']
