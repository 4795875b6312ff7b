"""A file is whole or as it was, whatever ends the writing."""

import errno
import multiprocessing
import os
import resource
import signal
import time

import pytest
from odd_files import ODD_NAMES

from mmuda.storage import atomic, atomic_write, remove_leftovers


@pytest.fixture
def old(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')
    return path


def in_a_process(function) -> int:
    process = multiprocessing.get_context('fork').Process(target=function)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize('mode, content', [('w', 'new: ü'), ('wb', b'new')])
@pytest.mark.parametrize('sync', [True, False])
def test_a_whole_block_replaces_the_file(old, mode, content, sync):
    with atomic_write(old, mode, sync) as file:
        file.write(content)
        assert old.read_text() == 'old'
    assert old.read_bytes() == (content if mode == 'wb' else content.encode())
    assert os.listdir(old.parent) == ['file']


@pytest.mark.parametrize('name', [*ODD_NAMES, 'ü' * 127, 'l' * 255])
def test_any_name_of_a_file(tmp_path, name):
    with atomic_write(tmp_path / name, 'w') as file:
        file.write(name)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == os.fsencode(name)


@pytest.mark.parametrize(
    'name, number', [('l' * 256, errno.ENAMETOOLONG), ('file/x', errno.ENOTDIR), ('gone/x', errno.ENOENT)]
)
def test_a_file_that_cannot_be_made_names_itself(old, name, number):
    with pytest.raises(OSError) as info, atomic_write(old.parent / name) as file:
        file.write(b'new')
    assert (info.value.errno, info.value.filename) == (number, str(old.parent / name))
    assert os.listdir(old.parent) == ['file']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_file_as_it_was(old, error):
    def write():
        with atomic_write(old) as file:
            file.write(b'half')
            raise error

    with pytest.raises(error):
        write()
    assert (os.listdir(old.parent), old.read_text()) == (['file'], 'old')


def test_a_killed_process_leaves_a_temporary_file_that_can_be_removed(old):
    def write():
        with atomic_write(old) as file:
            file.write(b'half' * 10000)
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process(write) == -signal.SIGKILL
    assert old.read_text() == 'old'
    (name,) = set(os.listdir(old.parent)) - {'file'}
    assert remove_leftovers(old.parent) == [name]
    assert os.listdir(old.parent) == ['file']


def test_what_is_being_written_is_no_leftover(old):
    """A training starts in a folder into which an evaluation writes its scores."""
    with atomic_write(old) as file:
        file.write(b'half')
        assert remove_leftovers(old.parent) == []
    assert old.read_bytes() == b'half'
    assert remove_leftovers(old.parent) == []


def test_a_file_that_is_taken_for_a_leftover_before_it_is_locked_is_made_again(old, monkeypatch):
    lock, taken = atomic._lock, []

    def late(file, wait):
        if wait and not taken:
            taken.extend(remove_leftovers(old.parent))
        lock(file, wait)

    monkeypatch.setattr(atomic, '_lock', late)
    with atomic_write(old) as file:
        file.write(b'new')
    assert len(taken) == 1
    assert (os.listdir(old.parent), old.read_bytes()) == (['file'], b'new')


@pytest.mark.parametrize('age, removed', [(10, 0), (1000, 1)])
def test_without_locks_a_leftover_is_known_by_its_age(old, monkeypatch, age, removed):
    def none(file, wait):
        raise OSError(errno.ENOLCK, 'no locks')

    monkeypatch.setattr(atomic, '_lock', none)
    part = old.with_name('.file.0a1b2c3d.part')
    part.touch()
    os.utime(part, (time.time() - age,) * 2)
    assert len(remove_leftovers(old.parent)) == removed
    with atomic_write(old) as file:
        file.write(b'new')
    assert old.read_bytes() == b'new'


def test_a_full_disk_leaves_the_file_as_it_was_and_names_it(old):
    def write():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(OSError, match=str(old)), atomic_write(old) as file:
            file.write(b'x' * 100_000)

    assert in_a_process(write) == 0
    assert (os.listdir(old.parent), old.read_text()) == (['file'], 'old')


def test_a_link_is_replaced_not_followed(old, tmp_path):
    link = tmp_path / 'link'
    link.symlink_to(old)
    with atomic_write(link, 'w') as file:
        file.write('new')
    assert not link.is_symlink()
    assert (link.read_text(), old.read_text()) == ('new', 'old')


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        with atomic_write(tmp_path / 'file'):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / 'file').stat().st_mode & 0o777 == 0o644
