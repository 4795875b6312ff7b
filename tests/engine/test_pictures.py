"""Pictures of the second network stand beside those of the first."""

import numpy as np
import pytest
from mmengine.visualization import LocalVisBackend, Visualizer

from mmuda.engine.pictures import pictures_named

IMAGE = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def visualizer(tmp_path):
    return Visualizer(vis_backends=[LocalVisBackend(tmp_path)], save_dir=str(tmp_path))


def test_pictures_have_the_prefix_until_the_end(visualizer, tmp_path):
    for prefix in ('', 'teacher_'):
        with pictures_named(visualizer, prefix):
            visualizer.add_image('val_street.png', IMAGE, step=7)
            visualizer.add_scalar('mIoU', 50.0, step=7)
    visualizer.add_image('last', IMAGE)
    names = {path.name for path in tmp_path.rglob('*.png')}
    assert names == {'val_street.png_7.png', 'teacher_val_street.png_7.png', 'last_0.png'}
    scalars = next(tmp_path.rglob('scalars.json')).read_text().splitlines()
    assert scalars == ['{"mIoU": 50.0, "step": 7}'] * 2


def test_an_evaluation_that_fails_gives_the_names_back(visualizer):
    backends = visualizer._vis_backends
    with pytest.raises(KeyError), pictures_named(visualizer, 'teacher_'):
        raise KeyError
    assert visualizer._vis_backends is backends


def test_a_runner_without_pictures():
    evaluated = False
    with pictures_named(None, 'teacher_') as nothing:
        evaluated = nothing is None
    assert evaluated
