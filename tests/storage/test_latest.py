"""The newest whole checkpoint of this work directory, whatever stands in `last_checkpoint`."""

import os
import shutil
import zipfile

import pytest
import torch

from mmuda.storage import find_latest


@pytest.fixture
def work_dir(tmp_path):
    """Checkpoints of steps 900 and 1000, written one after the other, beside others that nobody resumes from."""
    folder = tmp_path / 'run'
    folder.mkdir()
    for number, name in enumerate(('iter_900', 'iter_1000', 'best_mIoU_iter_2000', 'iter_3000-0a1b2c34', 'weights')):
        torch.save(dict(state_dict=dict(weight=torch.arange(1000.0))), folder / f'{name}.pth')
        os.utime(folder / f'{name}.pth', (number, number))
    point(folder, 'iter_1000.pth')
    return folder


def point(folder, name, prefix=None):
    (folder / 'last_checkpoint').write_text(f'{folder if prefix is None else prefix}/{name}')


def test_the_named_checkpoint(work_dir):
    assert find_latest(work_dir) == (work_dir / 'iter_1000.pth', '', ())


def test_an_earlier_one_that_is_named_goes_on_from_there(work_dir):
    point(work_dir, 'iter_900.pth')
    assert find_latest(work_dir).path == work_dir / 'iter_900.pth'


def test_a_later_one_written_after_the_pointer_is_taken(work_dir):
    point(work_dir, 'iter_900.pth')
    os.utime(work_dir / 'last_checkpoint', (0, 0))
    assert find_latest(work_dir).path == work_dir / 'iter_1000.pth'


def directory(pointer):
    pointer.unlink()
    pointer.mkdir()


def dangling_link(pointer):
    pointer.unlink()
    pointer.symlink_to(pointer.parent / 'gone')


@pytest.mark.parametrize(
    'spoil, remark',
    [
        (lambda pointer: pointer.unlink(), ''),
        (lambda pointer: pointer.write_text(''), 'is empty'),
        (lambda pointer: pointer.write_text(' \n'), 'is empty'),
        (lambda pointer: pointer.write_text('/old/iter_7.pth'), 'names /old/iter_7.pth, which is not in '),
        (lambda pointer: pointer.write_text(str(pointer.parent)), 'which is not in'),
        (lambda pointer: pointer.write_bytes(b'\xff\xfe\x00'), 'cannot be read'),
        (directory, 'cannot be read'),
        (dangling_link, 'leads nowhere'),
    ],
)
def test_a_broken_pointer_gives_way_to_the_highest_step(work_dir, spoil, remark):
    spoil(work_dir / 'last_checkpoint')
    found = find_latest(work_dir)
    assert found.path == work_dir / 'iter_1000.pth'
    assert remark in found.pointer
    assert bool(found.pointer) == bool(remark)


def flip(content: bytes) -> bytes:
    """Other weights under the old checksums."""
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 8]) + content[middle + 8 :]


@pytest.mark.parametrize(
    'change, reason',
    [
        (lambda content: b'', 'is empty'),
        (lambda content: content[:-1000], 'is truncated or damaged'),
        (lambda content: content[:2000] + bytes(len(content) - 2000), 'is truncated or damaged'),
        (flip, 'is damaged'),
        (lambda content: b'not a checkpoint', 'is truncated or damaged'),
    ],
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(work_dir, change, reason):
    path = work_dir / 'iter_1000.pth'
    path.write_bytes(change(path.read_bytes()))
    found = find_latest(work_dir)
    assert found == (work_dir / 'iter_900.pth', '', (f'{path} {reason}',))


def test_a_zip_file_that_is_none_of_torch(work_dir):
    with zipfile.ZipFile(work_dir / 'iter_1000.pth', 'w') as archive:
        archive.writestr('notes.txt', 'weights')
    assert find_latest(work_dir).damaged == (f'{work_dir}/iter_1000.pth is no checkpoint',)


@pytest.mark.parametrize('move', [shutil.move, shutil.copytree])
def test_a_moved_or_copied_work_directory_never_leads_back(work_dir, tmp_path, move):
    """Neither by the pointer nor, where the file did not come along, to the old one's."""
    move(work_dir, tmp_path / 'new')
    assert find_latest(tmp_path / 'new').path == tmp_path / 'new/iter_1000.pth'
    (tmp_path / 'new/iter_1000.pth').unlink()
    assert find_latest(tmp_path / 'new').path == tmp_path / 'new/iter_900.pth'


def test_no_checkpoint(tmp_path):
    assert find_latest(tmp_path) == (None, '', ())
    assert find_latest(tmp_path / 'gone') == (None, '', ())


def test_checkpoints_in_another_folder(work_dir, tmp_path):
    (tmp_path / 'empty').mkdir()
    point(tmp_path / 'empty', 'iter_900.pth', prefix='/somewhere')
    assert find_latest(tmp_path / 'empty', work_dir).path == work_dir / 'iter_900.pth'
