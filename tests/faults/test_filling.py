"""Two runs that fill one folder: every tool that writes prepared or converted files lets the first one have it."""

import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.utils import progressbar
from PIL import Image

from mmuda.datasets.filling import FILE
from mmuda.storage import FolderLock

CONFIG = """
scale = (8, 8)
part = dict(type='mmuda.FolderSegmentation', data_root='data', metainfo=dict(classes=['a', 'b']), pipeline=[
    dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel'), dict(type='mmseg.Resize', scale=scale)])
labelled = dict(part, data_prefix=dict(img_path='images', seg_map_path='labels'))
target = dict(part, data_prefix=dict(img_path='images'))
train_dataloader = dict(dataset=dict(type='mmuda.DomainDataset', source=labelled, target=target))
"""
COUNTED = 'dataset_converters/unpack.py cifar10 --src cifar-10-batches-bin'
COMMANDS = {
    'prepare_data.py config.py': '--cfg-options scale=(4,4)',
    COUNTED: '--overwrite',
    'dataset_converters/toy_streets.py --train 1 --val 1 --size 32 32': '--seed 7',
}
"""Each tool, and the other settings of the second run."""


@pytest.fixture
def tool(start, tmp_path, monkeypatch):
    """``tool(command)`` → a run, in a folder with what the commands read."""
    monkeypatch.chdir(tmp_path)
    Path('config.py').write_text(CONFIG)
    for folder in ('data/images', 'data/labels', 'cifar-10-batches-bin'):
        Path(folder).mkdir(parents=True)
    for number in range(3):
        for kind in ('images', 'labels'):
            Image.fromarray(np.full((8, 8), number % 2, np.uint8)).save(f'data/{kind}/{number}.png')
        Path(f'cifar-10-batches-bin/data_batch_{number + 1}.bin').write_bytes(b'0')

    def run(command):
        script, *given = command.split()
        return start(*given, tool=script)

    return run


@pytest.fixture
def stopped_at_the_first_file(monkeypatch):
    """Runs that are started in this context print "writing", and do not go on."""

    def stop(*args, **kwargs):
        print('writing', flush=True)
        time.sleep(1000)

    with monkeypatch.context() as patch:
        patch.setattr(progressbar.ProgressBar, '__init__', stop)
        yield patch.undo


@pytest.mark.parametrize('command', COMMANDS)
def test_of_two_that_begin_together_one_is_told_of_the_other(tool, stopped_at_the_first_file, command):
    command, other = f'{command} --out out --nproc 1', COMMANDS[command]
    runs = [tool(command), tool(f'{command} {other}')]
    while all(run.process.is_alive() for run in runs) and not all('writing' in run.output for run in runs):
        time.sleep(0.01)
    assert not all(run.process.is_alive() for run in runs), 'both of them write'
    refused, writing = sorted(runs, key=lambda run: run.process.is_alive())
    assert refused.end() == 1, refused.output
    assert f' is in use by process {writing.pid} on ' in refused.sentence
    assert refused.sentence.endswith(': wait for it, or choose another --out')

    writing.wait_for(lambda: 'writing' in writing.output)
    writing.send(signal.SIGKILL)
    assert writing.end() == -signal.SIGKILL
    stopped_at_the_first_file()
    again = tool(f'{command} {other}')
    assert again.end() == 0, again.output
    assert f'was left by process {writing.pid} on ' in again.output
    made = [path for path in Path('out').rglob('*') if path.is_file()]
    assert len(made) > 2
    assert not list(Path('out').rglob('.*'))


def test_a_folder_that_is_only_counted_needs_no_lock(tool):
    lock = FolderLock('cifar-10-batches-bin', FILE)
    lock.acquire()
    assert tool(COUNTED).end() == 0
    lock.release()


def test_settings_that_do_not_fit_one_folder_leave_no_trace_in_the_others(tool):
    """The images' folder is free, that of the labels is of other settings."""
    command = 'prepare_data.py config.py --out out --nproc 1'
    assert tool(command).end() == 0
    shutil.rmtree('out/data/images')
    other = tool(f'{command} --cfg-options scale=(4,4)')
    assert other.end() == 1
    assert "The labels in 'out/data/labels' were prepared with resize={'scale': [8, 8]" in other.sentence
    assert [path.name for path in Path('out/data').iterdir()] == ['labels']
