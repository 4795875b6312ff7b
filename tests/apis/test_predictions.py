"""Writing predictions of a test run."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmuda.apis.predictions import PredictionWriter


@pytest.fixture
def batch(tmp_path):
    """A runner over two images of the same name in two cities, and their predictions."""
    outputs = []
    for number, city in enumerate(('aachen', 'bonn')):
        path = tmp_path / 'images' / city / '1.jpg'
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((6, 8, 3), 100, np.uint8)).save(path)
        label = torch.full((1, 6, 8), number)
        outputs.append(SimpleNamespace(img_path=str(path), pred_sem_seg=SimpleNamespace(data=label)))
    dataset = SimpleNamespace(
        data_prefix=dict(img_path=str(tmp_path / 'images')),
        metainfo=dict(classes=['a', 'b'], palette=np.array([[0, 0, 0], [200, 0, 100]])),
    )
    return SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset)), outputs


def test_names_are_kept_below_the_image_folder(batch, tmp_path):
    runner, outputs = batch
    PredictionWriter(str(tmp_path / 'labels')).after_test_iter(runner, 0, outputs=outputs)
    for number, city in enumerate(('aachen', 'bonn')):
        label = np.asarray(Image.open(tmp_path / 'labels' / city / '1.png'))
        assert label.shape == (6, 8)
        assert (label == number).all()
    assert not (tmp_path / 'pictures').exists()


def test_pictures_mix_image_and_colours(batch, tmp_path):
    runner, outputs = batch
    PredictionWriter(overlay_dir=str(tmp_path / 'pictures')).after_test_iter(runner, 0, outputs=outputs)
    assert (np.asarray(Image.open(tmp_path / 'pictures/bonn/1.png')) == [150, 50, 100]).all()


def test_an_image_from_elsewhere_keeps_its_name_only(batch, tmp_path):
    runner, outputs = batch
    runner.test_dataloader.dataset.data_prefix = dict(img_path=str(tmp_path / 'other'))
    PredictionWriter(str(tmp_path / 'labels')).after_test_iter(runner, 0, outputs=outputs[:1])
    assert (tmp_path / 'labels/1.png').is_file()
