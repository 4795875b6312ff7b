"""The benchmark of the data path: all sides do the same work, and the pictures cost what photographs cost."""

import importlib

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

pytest.importorskip('mmseg')


@pytest.fixture
def benchmark(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'tools' / 'benchmark'))
    return importlib.import_module('data_path')


@pytest.mark.parametrize('name', ['camvid', 'office31'])
def test_all_sides_give_the_same_pixels(benchmark, tmp_path, monkeypatch, name):
    monkeypatch.setenv('MMUDA_DATA', '')
    benchmark.paint(tmp_path / 'data', name, 2, seed=0)
    with DefaultScope.overwrite_default_scope('mmuda'):
        sets = benchmark.sides(tmp_path / 'data', name, tmp_path / 'out')
    for number in range(2):
        for seed in range(3):
            given = []
            for dataset in sets.values():
                np.random.seed(seed)
                given.append(dataset[number])
            assert all(torch.equal(one['inputs'], given[0]['inputs']) for one in given)
            if name == 'camvid':
                labels = [one['data_samples'].gt_sem_seg.data for one in given]
                assert all(torch.equal(label, labels[0]) for label in labels)


def test_a_picture_is_as_hard_for_a_codec_as_a_photograph(benchmark):
    """PNGs of CamVid's take half of the pixels' bytes; noise takes all, a drawing next to nothing."""
    image = benchmark.photograph((360, 640), np.random.default_rng(0))
    assert 0.3 < len(cv2.imencode('.png', image)[1]) / image.nbytes < 0.55


@pytest.mark.slow
def test_the_tables_are_printed(benchmark, monkeypatch, capsys):
    for option in ([], ['--formats'], ['--loader']):
        monkeypatch.setattr('sys.argv', ['data_path.py', '--images', '1', '--iters', '1', '--warmup', '0', *option])
        benchmark.main()
    printed = capsys.readouterr().out
    for cell in ('prepared ÷', 'npy mapped', 'originals'):
        assert cell in printed
