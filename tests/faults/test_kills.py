"""A process that is killed leaves whole files, and a resumed run ends with the bits of one that was not.

The table of docs/reliability.md: python -m pytest tests/faults/test_kills.py -m slow -v
"""

import os
import random
import signal
import time

import pytest

from mmuda.storage import find_latest

pytestmark = pytest.mark.slow
STEPS = 8
KINDS = {
    'source-only': dict(base='source_only/source-only_segformer_toy.py'),
    'stct': dict(base='stct/stct_segformer_toy.py', batch=2),
    'stct, 2 workers': dict(base='stct/stct_segformer_toy.py', batch=2, workers=2),
    'hybrid attention': dict(base='stct/stct-mha_segformer_toy.py', batch=2),
}


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory) -> dict:
    """The last checkpoint of an undisturbed run of each kind, once it is known."""
    return dict(folder=tmp_path_factory.mktemp('undisturbed'))


@pytest.fixture
def training(leaf, start, undisturbed):
    """``training(kind, keep, work_dir)`` → (its config, the last checkpoint of an undisturbed run)."""

    def prepare(kind: str, interval: int):
        settings = dict(KINDS[kind])
        workers = settings.pop('workers', 0)
        more = f"""
train_dataloader.update(num_workers={workers})
train_cfg.update(max_iters={STEPS})
default_hooks['checkpoint'].update(interval={interval}, max_keep_ckpts=1)
"""
        config = leaf(more, **settings)
        if kind not in undisturbed:
            folder = undisturbed['folder'] / str(len(undisturbed))
            assert start(config, '--work-dir', folder).end() == 0
            undisturbed[kind] = folder / f'iter_{STEPS}.pth'
        return config, undisturbed[kind]

    return prepare


def finish(start, config, work_dir):
    run = start(config, '--work-dir', work_dir, '--resume')
    assert run.end() == 0, run.output[-4000:]
    assert not list(work_dir.glob('.*'))
    return work_dir / f'iter_{STEPS}.pth'


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('kind', KINDS)
def test_killed_at_any_moment(start, training, same, tmp_path, kind, seed):
    """After any step or at the start; checkpoints stand at even steps."""
    config, whole = training(kind, interval=2)
    draw = random.Random(f'{kind} {seed}')
    step, delay = draw.randrange(STEPS - 2), draw.random() / 4
    run = start(config, '--work-dir', tmp_path / 'run')
    run.wait_for(lambda: step == 0 or f'Iter(train) [{step}/{STEPS}]' in run.output)
    time.sleep(delay)
    run.send(signal.SIGKILL)
    assert run.end() == -signal.SIGKILL
    assert same(finish(start, config, tmp_path / 'run'), whole)


@pytest.mark.parametrize('seed', range(8))
def test_killed_inside_a_write(start, training, same, tmp_path, seed):
    """As soon as the temporary file is seen; the run goes on from the checkpoint before, the only one that is kept."""
    kind = list(KINDS)[seed % len(KINDS)]
    config, whole = training(kind, interval=1)
    work_dir = tmp_path / 'run'
    for step in range(2, STEPS + 1):
        run = start(config, '--work-dir', work_dir, '--resume')
        run.wait_for(lambda name=f'.iter_{step}.pth.*.part': list(work_dir.glob(name)), pause=0)
        run.send(signal.SIGKILL)
        assert run.end() == -signal.SIGKILL
        if list(work_dir.glob('.*.part')):  # else the write was quicker than the signal
            break
    else:
        pytest.fail('no signal came inside a write')
    assert find_latest(work_dir).path == work_dir / f'iter_{step - 1}.pth'
    assert same(finish(start, config, work_dir), whole)


@pytest.fixture
def killed_at_sync(monkeypatch):
    """``killed_at_sync(n)``: the process dies while it writes its n-th file, when half of it is on the disk."""

    def patch(number: int) -> None:
        calls = []

        def fsync(file: int) -> None:
            if os.path.isfile(f'/proc/self/fd/{file}'):
                calls.append(file)
            if len(calls) == number:
                os.ftruncate(file, os.fstat(file).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(os, 'fsync', fsync)

    return patch


def test_killed_inside_the_second_checkpoint(start, leaf, trained, same, killed_at_sync, monkeypatch, tmp_path):
    config = leaf("default_hooks['checkpoint'].update(max_keep_ckpts=1)")
    with monkeypatch.context():
        killed_at_sync(3)  # a checkpoint, `last_checkpoint`, a checkpoint
        run = start(config, '--work-dir', tmp_path / 'run')
        assert run.end() == -signal.SIGKILL
        monkeypatch.undo()
    left = {path.name for path in (tmp_path / 'run').glob('*.pth')}
    assert left == {'iter_1.pth'}
    assert find_latest(tmp_path / 'run').path == tmp_path / 'run/iter_1.pth'
    assert len(list((tmp_path / 'run').glob('.*.part'))) == 1
    assert start(config, '--work-dir', tmp_path / 'run', '--resume').end() == 0
    assert same(tmp_path / 'run/iter_4.pth', trained[0] / 'iter_4.pth')
