"""A window shows each image with what was predicted; without a display one sentence says so."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmuda.apis import UserError
from mmuda.apis import prediction_window as module

pytest.importorskip('mmseg')
pytest.importorskip('mmpretrain')
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample


@pytest.fixture
def runner(tmp_path):
    cv2.imwrite(str(tmp_path / 'street.png'), np.full((4, 6, 3), (0, 0, 200), np.uint8))  # red
    shown = []
    dataset = SimpleNamespace(metainfo=dict(classes=('road', 'sky'), palette=[(0, 0, 0), (0, 200, 0)]), pipeline=None)
    show = SimpleNamespace(show=lambda picture, title, seconds: shown.append((picture, title, seconds)))
    return SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset), visualizer=show, shown=shown)


@pytest.fixture(autouse=True)
def loading(monkeypatch):
    monkeypatch.setattr(module, 'load_again', lambda dataset, path: cv2.imread(path))


def test_a_label_map_is_painted_over(runner, tmp_path):
    label = torch.zeros(1, 4, 6, dtype=torch.long)
    label[..., 3:] = 1
    sample = SegDataSample(pred_sem_seg=PixelData(data=label), metainfo=dict(img_path=str(tmp_path / 'street.png')))
    module.PredictionWindow(0.5).after_test_iter(runner, 0, outputs=[sample])
    ((picture, title, seconds),) = runner.shown
    assert (title, seconds) == ('street.png', 0.5)
    assert picture[0, 0].tolist() == [100, 0, 0]
    assert picture[0, 5].tolist() == [100, 100, 0]


def test_a_class_is_the_title(runner, tmp_path):
    sample = DataSample(metainfo=dict(img_path=str(tmp_path / 'street.png')))
    sample.set_pred_label(1).set_pred_score(torch.tensor([0.25, 0.75]))
    module.PredictionWindow(0).after_test_iter(runner, 0, outputs=[sample])
    ((picture, title, _),) = runner.shown
    assert title == 'street.png: sky 0.75'
    assert picture[0, 0].tolist() == [200, 0, 0]


def test_without_a_display(monkeypatch):
    monkeypatch.setattr(module.sys, 'platform', 'linux')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r'this machine has no display .*: use --show-dir DIR'):
        module.check_display()
    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr(module.matplotlib, 'get_backend', lambda: 'agg')
    with pytest.raises(UserError, match="whose backend is 'agg'"):
        module.check_display()
    monkeypatch.setattr(module.matplotlib, 'get_backend', lambda: 'TkAgg')
    module.check_display()
