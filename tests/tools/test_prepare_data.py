"""The command that prepares the files of a config: what it says, and a training that reads them."""

import importlib
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')

from mmuda.apis import load_config
from mmuda.apis.doctor import find, read_roles, survey_roles
from mmuda.registry import DATASETS

CONFIG = """
scale = (40, 30)
pipeline = [
    dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel'), dict(type='mmseg.Resize', scale=scale),
    dict(type='mmseg.RandomFlip', prob=0.5), dict(type='mmseg.PackSegInputs')]
classes = ['road', 'car']
part = dict(type='mmuda.FolderSegmentation', data_root='ROOT', metainfo=dict(classes=classes), pipeline=pipeline)
labelled = dict(part, data_prefix=dict(img_path='images', seg_map_path='labels'))
train_dataloader = dict(dataset=dict(
    type='mmuda.DomainDataset', source=labelled, target=dict(part, data_prefix=dict(img_path='new'))))
"""


@pytest.fixture
def config(tmp_path):
    """Three images with labels, and two without."""
    rng = np.random.default_rng(0)
    for folder, high, count in (('images', 256, 3), ('labels', 2, 3), ('new', 256, 2)):
        (tmp_path / 'data' / folder).mkdir(parents=True)
        for n in range(count):
            pixels = rng.integers(0, high, (50, 60), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / 'data' / folder / f'{n}.png')
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.replace('ROOT', str(tmp_path / 'data')))
    return path


@pytest.fixture
def prepare(repo, monkeypatch, capsys):
    """``prepare(*arguments)`` → exit status, what it printed."""
    monkeypatch.syspath_prepend(str(repo / 'tools'))
    tool = importlib.import_module('prepare_data')

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['prepare_data.py', *map(str, arguments)])
        code = 0
        try:
            tool.run_tool(tool.main)
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def test_what_it_prints_makes_a_training_read_the_files(config, prepare, tmp_path):
    code, printed = prepare(config, '--out', tmp_path / 'out', '--nproc', 2)
    assert code == 0
    assert f"3 images of '{tmp_path}/data/images': 0.0 GB in '{tmp_path}/out'" in printed
    option = f'train_dataloader.dataset.prepared={tmp_path}/out'
    assert f'Train with --cfg-options {option}' in printed
    cfg = load_config(config, dict([option.split('=')]))
    assert DATASETS.build(cfg.train_dataloader.dataset)[0]['inputs'].shape == (3, 30, 40)
    assert [finding for finding in find(survey_roles(read_roles(cfg), 1)) if finding.level == 'error'] == []


def test_the_doctor_says_what_does_not_fit(config, prepare, tmp_path):
    cfg = load_config(config, {'train_dataloader.dataset.prepared': str(tmp_path / 'out')})
    texts = [finding.text for finding in find(survey_roles(read_roles(cfg), 1)) if finding.level == 'error']
    assert len(texts) == 2
    assert all("holds no prepared images of '" in text for text in texts)


def test_wrong_calls_are_one_sentence(config, prepare, tmp_path):
    code, printed = prepare(config, '--out', tmp_path)
    assert code == 1
    assert f"'{tmp_path}/data/images' is the folder of the originals" in printed
    assert prepare(config, '--out', tmp_path / 'out')[0] == 0
    code, printed = prepare(config, '--out', tmp_path / 'out', '--cfg-options', 'scale=(80,60)')
    assert code == 1
    assert 'were prepared with resize=' in printed
    (tmp_path / 'plain.py').write_text("train_dataloader = dict(dataset=dict(type='mmuda.ToyStreets'))")
    code, printed = prepare(tmp_path / 'plain.py', '--out', tmp_path / 'out')
    assert code == 1
    assert 'the config has no train_dataloader.dataset=dict(type=' in printed


def test_an_image_that_fails_is_named(config, prepare, tmp_path):
    (tmp_path / 'data' / 'new' / '1.png').write_bytes(b'\x89PNG\r\n\x1a\n, cut off')
    code, printed = prepare(config, '--out', tmp_path / 'out')
    assert code == 1
    assert '1.png' in printed
    assert len(list((tmp_path / 'out').rglob('*.npy'))) == 7  # of 3 images with labels and 2 without
