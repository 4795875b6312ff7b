"""The benchmark of start-up: both sides train one network on the same images, and a start that fails is told."""

import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.apis import UserError, load_config
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.registry import DATASETS, MODELS

pytest.importorskip('mmseg')
FOLDER = Path(__file__).parents[2] / 'tools' / 'benchmark'


@pytest.fixture
def start_up(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.syspath_prepend(str(tmp_path))  # where configs find the hook
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path))
    write_toy_streets(str(tmp_path), ToyStreetsSpec(train=4, val=1, width=96, height=64))
    return __import__('start_up')


def test_both_sides_train_one_network_on_the_same_images(start_up, tmp_path):
    compat.apply()
    commands = start_up.commands(tmp_path)
    assert [command[-1] for command in commands.values()] == ['stock.py', 'source.py', 'stct.py']
    stock, ours = Config.fromfile(tmp_path / 'stock.py'), load_config(tmp_path / 'source.py')
    found = []
    for cfg, scope, dataset in (
        (stock, 'mmseg', stock.train_dataloader.dataset),
        (ours, 'mmuda', ours.train_dataloader.dataset.source),
    ):
        with DefaultScope.overwrite_default_scope(scope):
            weights = MODELS.build(cfg.model).state_dict()
            images = DATASETS.build(dataset)
        paths = [Path(images.get_data_info(i)['img_path']).name for i in range(len(images))]
        found.append(({name: value.shape for name, value in weights.items()}, paths, cfg.train_dataloader.batch_size))
    assert found[0] == found[1]
    assert isinstance(found[0][0]['backbone.layers.0.0.projection.weight'], torch.Size)


def test_a_start_that_fails(start_up, tmp_path):
    with pytest.raises(UserError, match=r'did not begin a step: (.|\n)*ZeroDivisionError'):
        start_up.start([sys.executable, '-c', '1 / 0 #'], tmp_path)


@pytest.mark.slow
def test_the_first_step_of_each_side(start_up, tmp_path):
    for command in start_up.commands(tmp_path).values():
        elapsed = start_up.start(command, tmp_path)
        assert 0 < elapsed.cpu < 1e6
        assert elapsed.wall > 0
