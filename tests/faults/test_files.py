"""Disks that are full, folders that vanish or are wanted twice: one sentence, and nothing of what was there is lost."""

import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from mmuda.storage import FolderLock

pytestmark = pytest.mark.slow
KEEP = "default_hooks['checkpoint'].update(max_keep_ckpts={})"


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob('iter_*.pth'))  # without the best one


@pytest.fixture
def endless(leaf):
    """A config of more steps than the test waits for."""
    return leaf('train_cfg.update(max_iters=100000)\n' + KEEP.format(2), name='long')


# a full disk


@pytest.fixture
def disk(tmp_path):
    """A folder on a disk of its own, and ``fill(free)``, which leaves so many bytes free."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', folder], check=False).returncode:
        pytest.skip('mounting a small disk needs root')
    yield (
        folder,
        lambda free: subprocess.run(
            ['mount', '-o', f'remount,size={sum(map(len, files(folder).values())) + free}', folder], check=True
        ),
    )
    subprocess.run(['umount', '-l', folder], check=True)


def resume(start, config, work_dir):
    return start(config, '--work-dir', work_dir, '--resume')


def one_step(start, config, work_dir) -> int:
    """Train for a step; return the size of its checkpoint."""
    run = start(config, '--work-dir', work_dir, '--cfg-options', 'train_cfg.max_iters=1')
    assert run.end() == 0, run.output
    return (work_dir / 'iter_1.pth').stat().st_size


def check_no_room(run, work_dir, reason):
    assert run.end() == 1
    assert run.sentence.startswith(f'{work_dir}/iter_2.pth cannot be written ({reason}): ')
    assert run.sentence.endswith(f'; the last good checkpoint is {work_dir}/iter_1.pth: go on with --resume')
    assert checkpoints(work_dir) == ['iter_1.pth']
    assert not list(work_dir.glob('.*'))


def test_a_full_disk(start, leaf, disk, same, trained):
    folder, fill = disk
    size = one_step(start, leaf(), folder / 'run')
    fill(size // 2)
    check_no_room(resume(start, leaf(), folder / 'run'), folder / 'run', 'No space left on device')
    fill(100 * size)
    assert resume(start, leaf(), folder / 'run').end() == 0
    assert same(folder / 'run/iter_4.pth', trained[0] / 'iter_4.pth')


def test_a_limit_of_file_sizes(start, leaf, tmp_path):
    size = one_step(start, leaf(), tmp_path / 'run')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
    try:
        run = resume(start, leaf(), tmp_path / 'run')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check_no_room(run, tmp_path / 'run', 'File too large')


@pytest.mark.parametrize('free', [0, 4096, 20000])
def test_a_disk_that_is_full_from_the_start(start, leaf, disk, free):
    folder, fill = disk
    (folder / 'other').write_bytes(b'x' * 4096)  # a size of 0 means no limit
    fill(free)
    run = start(leaf(), '--work-dir', folder / 'run')
    assert run.end() == 1
    assert str(folder) in run.sentence
    assert [path.name for path in folder.iterdir()] == ['other']
    assert 'No space left on device' in run.sentence


# two runs


def test_two_runs_in_one_folder(start, endless, tmp_path):
    """The second is refused; a killed one's place is taken, and what it left half written is removed."""
    work_dir = tmp_path / 'run'
    first = start(endless, '--work-dir', work_dir)
    first.wait_for(lambda: (work_dir / 'iter_2.pth').exists())
    second = start(endless, '--work-dir', work_dir)
    assert second.end() == 1
    assert second.sentence.startswith(f'work directory {work_dir} is in use by process {first.pid} on ')
    assert len(list(work_dir.glob('*/'))) == 1
    first.send(signal.SIGKILL)
    assert first.end() == -signal.SIGKILL
    (work_dir / '.iter_9.pth.0a1b2c3d.part').write_bytes(b'half')
    third = start(endless, '--work-dir', work_dir, '--resume')
    third.wait_for(lambda: 'Saving checkpoint' in third.output)
    assert f'{work_dir} was left by process {first.pid} on ' in third.output
    assert not (work_dir / '.iter_9.pth.0a1b2c3d.part').exists()
    third.send(signal.SIGTERM)
    assert third.end() == 143
    assert not list(work_dir.glob('.*'))


def test_two_ranks_in_the_folder_of_another_training(ranks, leaf, tmp_path):
    lock = FolderLock(tmp_path)
    lock.acquire()
    runs = ranks(leaf(), '--work-dir', tmp_path)
    assert [run.end() for run in runs] == [1, 1]
    assert all(f'in use by process {os.getpid()} on ' in run.sentence for run in runs)
    lock.release()


def test_runs_that_start_together(start, leaf, endless, tmp_path, monkeypatch):
    """Where there is no `work_dirs`, a mistake in one takes nothing of the others; of two in one folder one wins."""
    monkeypatch.chdir(tmp_path)
    mistaken = leaf('model = dict(decode_head=dict(num_clases=3))', name='mistaken')
    good = leaf(name='good')
    runs = [start(config) for config in (mistaken, good, mistaken)]
    twins = [start(endless) for _ in range(2)]
    assert [run.end() for run in runs] == [1, 0, 1]
    assert checkpoints(tmp_path / 'work_dirs/good') == [f'iter_{step}.pth' for step in (1, 2, 3, 4)]
    assert not (tmp_path / 'work_dirs/mistaken').exists()
    while all(run.process.is_alive() for run in twins):
        twins[0].process.join(0.05)
    refused, winner = sorted(twins, key=lambda run: run.process.is_alive())
    assert refused.end() == 1
    assert f'in use by process {winner.pid} on ' in refused.sentence
    assert FolderLock(tmp_path / 'work_dirs/long').current().pid == winner.pid


def test_an_evaluation_beside_a_training(start, endless, trained, data, tmp_path):
    """It needs no lock, and when it fails it removes nothing of what was written meanwhile."""
    work_dir = tmp_path / 'run'
    run = start(endless, '--work-dir', work_dir)
    run.wait_for(lambda: (work_dir / 'iter_2.pth').exists())
    shutil.copytree(data, tmp_path / 'data')
    label = tmp_path / 'data/toy_streets/dusk/labels/val/00001.png'
    Image.fromarray(np.full((32, 64), 77, np.uint8)).save(label)
    test = start(
        endless, trained[0] / 'iter_4.pth', '--work-dir', work_dir, tool='test.py', MMUDA_DATA=str(tmp_path / 'data')
    )
    assert test.end() == 1
    assert str(label) in test.sentence
    assert len(checkpoints(work_dir)) >= 2
    step = max(int(name[5:-4]) for name in checkpoints(work_dir))
    run.wait_for(lambda: (work_dir / f'iter_{step + 2}.pth').exists())


# the wrong folder, or none


@pytest.mark.parametrize('move', [shutil.copytree, shutil.move])
def test_a_copied_or_moved_work_directory(start, leaf, trained, same, tmp_path, move):
    """The old one's checkpoints are neither read nor removed, though `last_checkpoint` names them."""
    one_step(start, leaf(), tmp_path / 'old')
    (tmp_path / 'old/last_checkpoint').write_text(str(tmp_path / 'old/iter_1.pth'))
    move(tmp_path / 'old', tmp_path / 'new')
    before = files(tmp_path / 'old')
    run = resume(start, leaf(KEEP.format(1)), tmp_path / 'new')
    assert run.end() == 0, run.output
    assert f'The run goes on from {tmp_path}/new/iter_1.pth' in run.output
    assert files(tmp_path / 'old') == before
    assert same(tmp_path / 'new/iter_4.pth', trained[0] / 'iter_4.pth')


@pytest.mark.parametrize('content', ['', '/gone/iter_9.pth', None])
@pytest.mark.parametrize('damage', [lambda checkpoint: checkpoint[:-1000], lambda checkpoint: b''])
def test_a_broken_pointer_and_a_broken_checkpoint(start, leaf, trained, same, tmp_path, content, damage):
    shutil.copytree(trained[0], tmp_path / 'run')
    (tmp_path / 'run/iter_4.pth').write_bytes(damage((tmp_path / 'run/iter_4.pth').read_bytes()))
    if content is not None:
        (tmp_path / 'run/last_checkpoint').write_text(content)
    run = resume(start, trained[1], tmp_path / 'run')
    assert run.end() == 0, run.output
    assert f'The run goes on from {tmp_path}/run/iter_3.pth, the newest whole checkpoint' in run.output
    assert f'{tmp_path}/run/iter_4.pth is ' in run.output
    assert same(tmp_path / 'run/iter_4.pth', trained[0] / 'iter_4.pth')


@pytest.mark.parametrize('vanish', [shutil.rmtree, lambda folder: folder.rename(folder.with_name('moved'))])
def test_a_work_directory_that_vanishes(start, endless, tmp_path, vanish):
    work_dir = tmp_path / 'run'
    run = start(endless, '--work-dir', work_dir)
    run.wait_for(lambda: (work_dir / 'iter_2.pth').exists())
    for _ in range(100):  # the run may write between two removals
        try:
            vanish(work_dir)
            break
        except OSError:
            continue
    assert run.end() == 1
    assert f'{work_dir}' in run.sentence
    assert 'was moved or removed during the run; ' in run.sentence
    assert 'go on with --resume' in run.sentence or 'there is no whole checkpoint' in run.sentence


# a data worker


def test_a_killed_data_worker(start, leaf, tmp_path):
    more = 'train_dataloader.update(num_workers=1)\ntrain_cfg.update(max_iters=100000)'
    run = start(leaf(more), '--work-dir', tmp_path / 'run')
    run.wait_for(lambda: (tmp_path / 'run/iter_2.pth').exists())
    (worker,) = psutil.Process(run.pid).children()
    worker.kill()
    assert run.end() == 1
    assert (
        f'data worker {worker.pid} (a process that loads images) was killed by the signal Killed' in run.sentence
        or (
            'data worker (a process that loads images) has ended' in run.sentence  # seen while a batch was taken over
        )
    )
    assert f'the last good checkpoint is {tmp_path}/run/iter_' in run.sentence
