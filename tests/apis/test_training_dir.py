"""A run holds its work directory; a failed start leaves it as it was, and nothing of others is touched."""

import os
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmuda.apis import UserError, training_dir, training_in
from mmuda.storage import FolderLock
from mmuda.storage.lock import FILE


@pytest.fixture
def run(tmp_path, tmp_path_factory):
    """``with run(path):`` a run that has made its log folder and written its config, as mmengine does."""

    config = tmp_path_factory.mktemp('config') / 'leaf.py'
    config.write_text('')

    @contextmanager
    def enter(path=tmp_path, iterations=0, log='20260101_000000', **settings):
        with training_in(Config(dict(work_dir=str(path), **settings), filename=str(config))) as training:
            MMLogger.get_instance(os.urandom(4).hex(), log_file=str(_made(path / log) / 'run.log'))
            (path / 'leaf.py').write_text('new')
            training.runner = SimpleNamespace(_train_loop=SimpleNamespace(iter=iterations))
            yield training

    return enter


def _made(folder):
    folder.mkdir()
    return folder


def names(path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def fail(run, error=UserError, during=lambda: None, **options):
    def start():
        with run(**options):
            during()
            raise error

    with pytest.raises(error):
        start()


def test_a_failed_start_is_taken_back_but_no_ancestor(run, tmp_path):
    """Another run may be making its own folder there."""
    fail(run, path=tmp_path / 'work_dirs/run')
    assert names(tmp_path) == ['work_dirs']
    assert names(tmp_path / 'work_dirs') == []


def test_what_others_have_written_meanwhile_stays(run, tmp_path):
    """An evaluation in the same folder, and another run beside it."""

    def others():
        for name in ('run/20260101_000001', 'other'):
            (tmp_path / 'work_dirs' / name).mkdir()
            torch.save({}, tmp_path / 'work_dirs' / name / 'iter_1.pth')
        torch.save({}, tmp_path / 'work_dirs/run/iter_1.pth')

    fail(run, path=tmp_path / 'work_dirs/run', during=others)
    assert names(tmp_path / 'work_dirs') == ['other', 'run']
    assert names(tmp_path / 'work_dirs/run') == ['20260101_000001', 'iter_1.pth']
    assert names(tmp_path / 'work_dirs/other') == ['iter_1.pth']


def test_what_was_there_before_stays_and_the_config_is_the_old_one(run, tmp_path):
    (tmp_path / 'leaf.py').write_text('old')
    (tmp_path / '20250101_000000').mkdir()
    fail(run)
    assert names(tmp_path) == ['20250101_000000', 'leaf.py']
    assert (tmp_path / 'leaf.py').read_text() == 'old'


@pytest.mark.parametrize('error, iterations', [(ZeroDivisionError, 0), (KeyboardInterrupt, 0), (UserError, 7)])
def test_a_bug_an_interrupt_and_a_run_that_has_trained_leave_their_traces(run, tmp_path, error, iterations):
    fail(run, error=error, iterations=iterations)
    assert names(tmp_path) == ['20260101_000000', 'leaf.py']


def test_other_ranks_neither_lock_nor_remove(run, tmp_path, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    fail(run, during=lambda: os.listdir(tmp_path))
    assert names(tmp_path) == ['20260101_000000', 'leaf.py']


def test_a_second_run_is_refused_and_leaves_no_trace(run, tmp_path):
    with run():
        with pytest.raises(UserError, match=rf'in use by process {os.getpid()} on .* choose another --work-dir'):
            run(log='second').__enter__()
        assert names(tmp_path) == [FILE, '20260101_000000', 'leaf.py']
    assert names(tmp_path) == ['20260101_000000', 'leaf.py']


def test_leftovers_of_a_killed_run_are_removed(run, tmp_path):
    (tmp_path / 'out' / tmp_path.name).mkdir(parents=True)
    for folder in (tmp_path, tmp_path / 'out' / tmp_path.name):
        (folder / '.iter_4.pth.0a1b2c3d.part').write_bytes(b'half')
    with run(default_hooks=dict(checkpoint=dict(out_dir=str(tmp_path / 'out')))):
        assert [path.name for path in tmp_path.rglob('*.part')] == []


def test_the_folder_is_free_again_when_it_cannot_be_read(run, tmp_path, monkeypatch):
    def unreadable(*_):
        raise PermissionError(13, 'Permission denied', 'leaf.py')

    monkeypatch.setattr(training_dir, '_Start', unreadable)
    fail(run, error=PermissionError)
    assert names(tmp_path) == []


def test_a_link_to_nowhere(run, tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path / 'gone/run')
    with pytest.raises(UserError, match='is it a link to nowhere'), run(tmp_path / 'link'):
        pass


@pytest.fixture
def hook(run, tmp_path):
    """The hook that watches over the work directory of a run, which has two checkpoints."""
    hooks = []
    with run(tmp_path / 'run') as training:
        training.watch(SimpleNamespace(register_hook=hooks.append))
        torch.save({}, tmp_path / 'run/iter_8.pth')
        yield hooks[0]


def test_the_hook_is_silent_while_the_lock_is_held(hook):
    hook.after_train_iter(None, 0)
    hook.before_save_checkpoint(None, {})


def taken_over(folder):
    os.utime(folder / FILE, (0, 0))
    FolderLock(folder).acquire()


@pytest.mark.parametrize(
    'event, sentence',
    [
        (shutil.rmtree, r'work directory .*/run has vanished: .*; there is no whole checkpoint in .*/run'),
        (lambda folder: folder.rename(folder.with_name('moved')), r'has vanished: it was moved or removed'),
        (
            lambda folder: (folder / FILE).unlink(),
            r'has lost .training.lock.*; the last good checkpoint is .*iter_8.pth',
        ),
        (taken_over, r'was taken over by process PID on .*iter_8.pth'),
    ],
    ids=['removed', 'renamed', 'unlocked', 'taken over'],
)
def test_the_hook_ends_a_run_that_has_lost_its_work_directory(hook, tmp_path, event, sentence):
    sentence = sentence.replace('PID', str(os.getpid()))
    event(tmp_path / 'run')
    with pytest.raises(UserError, match=sentence):
        hook.before_save_checkpoint(None, {})
    hook.after_train_iter(None, 0)  # no heartbeat since
    hook.lock.lost = True
    with pytest.raises(UserError, match=sentence):
        hook.after_train_iter(None, 0)
