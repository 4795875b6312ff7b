"""Which images are meant, and a name of its own for each one's results."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmuda.apis.inputs import find_images, result_names

PIXELS = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ('cam_a/1.png', 'cam_b/1.png', 'cam_b/2.png', 'x.jpg', 'x.png', 'x.jpg.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(PIXELS).save(tmp_path / name)
    (tmp_path / 'linked').symlink_to(tmp_path / 'cam_a')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    'images, names',
    [
        (['cam_a/1.png'], ['1']),
        (['cam_b/1.png', 'cam_b/2.png'], ['1', '2']),
        (['cam_a/1.png', 'cam_b/2.png'], ['1', '2']),
        (['cam_a/1.png', 'cam_b/1.png'], ['cam_a/1', 'cam_b/1']),
        (['cam_a', 'cam_b'], ['cam_a/1', 'cam_b/1', 'cam_b/2']),
        (['cam_b'], ['1', '2']),
        (['x.jpg', 'x.png'], ['x.jpg', 'x.png']),
        (['x.jpg', 'x.png', 'x.jpg.png'], ['x.jpg', 'x.png', 'x.jpg.png']),
        (['cam_a/1.png', './cam_a/../cam_a/1.png'], ['1']),
        (['cam_a/1.png', 'linked/1.png'], ['cam_a/1', 'linked/1']),
        ([PIXELS, PIXELS], ['000000', '000001']),
        ([PIXELS, 'cam_a/1.png'], ['000000', '1']),
    ],
)
def test_every_image_has_one_name(tree, images, names):
    found = find_images(images)
    assert [item.name for item in found] == names


def test_a_whole_tree_has_names_of_its_own(tree):
    found = find_images(Path('.'))
    assert [item.name for item in found] == ['cam_a/1', 'cam_b/1', 'cam_b/2', 'linked/1', 'x.jpg', 'x.jpg.png', 'x.png']


def test_no_name_twice_whatever_the_paths():
    paths = ['a/x.png', 'a/x.jpg', 'a/x.jpg.png', 'b/x.png', 'b/a/x.png', 'x.png']
    for chosen in permutations(paths, 4):
        names = result_names(chosen, [Path(path).parent for path in chosen])
        assert len(set(names)) == 4, (chosen, names)
