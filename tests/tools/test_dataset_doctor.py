"""The doctor's command: its table, its page, its exit status, and what a wrong call gets."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')

CONFIG = """
part = dict(type='mmuda.FolderSegmentation', data_root='ROOT', metainfo=dict(classes=['road', 'car']))
labelled = dict(part, data_prefix=dict(img_path='images', seg_map_path='labels'))
train_dataloader = dict(dataset=dict(
    type='mmuda.DomainDataset', source=labelled, target=dict(part, data_prefix=dict(img_path='new'))))
val_dataloader = dict(dataset=labelled)
test_dataloader = val_dataloader
"""


@pytest.fixture
def config(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    for folder, high in (('images', 256), ('labels', 2), ('new', 256)):
        (tmp_path / folder).mkdir()
        for n in range(70 if folder == 'new' else 3):
            Image.fromarray(rng.integers(0, high, (50, 60), dtype=np.uint8)).save(tmp_path / folder / f'{n}.png')
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.replace('ROOT', str(tmp_path)))
    return path


@pytest.fixture
def doctor(repo, monkeypatch, capsys):
    """``doctor(*arguments)`` → exit status, what it printed."""
    monkeypatch.syspath_prepend(str(repo / 'tools'))
    tool = importlib.import_module('dataset_doctor')

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['dataset_doctor.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            tool.run_tool(tool.main)
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return run


def test_a_table_and_a_verdict(config, doctor, tmp_path):
    code, out = doctor(config, '--html', tmp_path / 'page.html', '--nproc', 2)
    assert code == 0
    for row in ('source | 3', 'target | 70', 'val    | 3', '60×50', '2 of 2'):
        assert row in out
    assert 'warning: source and val: 3 of 3 pictures of val are also in source (the same files)' in out
    assert 'Ready, with 1 warning to read' in out
    assert (tmp_path / 'page.html').stat().st_size > 10_000


def test_an_error_is_the_exit_status(config, doctor, tmp_path):
    (tmp_path / 'new' / '5.png').write_bytes(b'no image')
    code, out = doctor(config)
    assert code == 1
    assert 'error: target: 1 of 70 images cannot be read' in out
    assert 'new/5.png' in out
    assert 'Not ready: 1 error' in out


@pytest.mark.parametrize(
    'arguments, sentence',
    [
        (['--html', '.'], '--html . is a folder: give the name of a file in it'),
        (['--html', 'nowhere/page.html'], '--html nowhere/page.html lies in a folder that does not exist'),
        (['--nproc', '0'], 'argument --nproc: 0 is not a number from 1 on'),
    ],
)
def test_a_wrong_call_gets_one_sentence(config, doctor, arguments, sentence):
    code, out = doctor(config, *arguments)
    assert code == 1
    assert out.strip().splitlines()[-1].startswith('mmuda: error: ')
    assert sentence in out
