"""Files that are cut short, have odd modes or ids that nobody knows."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mmuda.datasets import DataError
from mmuda.datasets.class_map import identity_table, load_class_map
from mmuda.datasets.files import read_bytes, read_label

LABEL = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@pytest.mark.parametrize('share', [0.0, 0.3, 0.9, 0.995])
def test_a_truncated_image_is_refused(tmp_path, noise, suffix, share):
    path = tmp_path / f'street{suffix}'
    cv2.imwrite(str(path), noise)
    whole = path.read_bytes()
    assert read_bytes(str(path)) == whole
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=rf"street{suffix}' is no complete image"):
        read_bytes(str(path))


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_bytes_after_the_end_are_harmless(tmp_path, noise, suffix):
    path = tmp_path / f'padded{suffix}'
    cv2.imwrite(str(path), noise)
    path.write_bytes(path.read_bytes() + b'\0' * 7)
    assert len(read_bytes(str(path))) == path.stat().st_size


def test_a_text_file_is_no_image(tmp_path):
    (tmp_path / 'a.png').write_text('not an image')
    with pytest.raises(DataError, match=r"a.png' is no complete image \(12 bytes"):
        read_bytes(str(tmp_path / 'a.png'))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.png' cannot be read: No such file"):
        read_bytes(str(tmp_path / 'gone.png'))


def test_a_label_in_class_ids(tmp_path):
    cv2.imwrite(str(tmp_path / 'l.png'), LABEL)
    assert (read_label(str(tmp_path / 'l.png'), identity_table(3), 3) == LABEL).all()


def test_a_palette_counts_by_its_indices(tmp_path):
    image = Image.fromarray(LABEL, 'P')
    image.putpalette([9, 9, 9] * 256)
    image.save(tmp_path / 'p.png')
    assert (read_label(str(tmp_path / 'p.png'), identity_table(3), 3) == LABEL).all()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_ids_are_mapped(tmp_path, dtype):
    ids = np.array([[7, 26], [0, 7]], dtype)
    scale = 1000 if dtype is np.uint16 else 1
    cv2.imwrite(str(tmp_path / 'l.png'), ids * dtype(scale))
    table = load_class_map({'classes': ['a', 'b'], 'map': {7 * scale: 0, 26 * scale: 1, 0: 'ignore'}}).table
    assert read_label(str(tmp_path / 'l.png'), table, 2).tolist() == [[0, 1], [255, 0]]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_unknown_ids_are_named(tmp_path, dtype):
    ids = np.arange(3, 12, dtype=dtype).reshape(3, 3)
    cv2.imwrite(str(tmp_path / 'l.png'), ids)
    with pytest.raises(DataError, match=r'l.png. has the value\(s\) 4, 5, 6, 7, 8, \.\.\. outside the class map of 4'):
        read_label(str(tmp_path / 'l.png'), identity_table(4), 4)


def test_254_is_no_way_around(tmp_path):
    cv2.imwrite(str(tmp_path / 'l.png'), np.full((2, 2), 254, np.uint8))
    with pytest.raises(DataError, match=r'value\(s\) 254 outside'):
        read_label(str(tmp_path / 'l.png'), identity_table(4), 4)


def test_colours_are_no_label_map(tmp_path, noise):
    cv2.imwrite(str(tmp_path / 'l.png'), noise)
    with pytest.raises(DataError, match='has 3 channels: label maps have one'):
        read_label(str(tmp_path / 'l.png'), identity_table(4), 4)
