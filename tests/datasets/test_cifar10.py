"""CIFAR-10's binary version: bytes in their places, splits, and files that are not it."""

import numpy as np
import pytest

from mmuda.datasets import CIFAR10, DataError
from mmuda.datasets.cifar10 import FILES


@pytest.fixture
def root(tmp_path):
    """20 records a file; record i of file f is of class i % 10, red is i, green f, blue the column."""
    for number, name in enumerate([*FILES['train'], *FILES['test']]):
        records = np.zeros((20, 3073), np.uint8)
        records[:, 0] = np.arange(20) % 10
        records[:, 1:1025] = np.arange(20)[:, None]
        records[:, 1025:2049] = number
        records[:, 2049:] = np.tile(np.arange(32, dtype=np.uint8), 32)
        records.tofile(tmp_path / name)
    return tmp_path


def test_planes_become_an_image_in_bgr(root):
    dataset = CIFAR10(str(root))
    assert (len(dataset), len(CIFAR10(str(root), split='test'))) == (100, 20)
    info = dataset[47]
    assert info['img'].shape == (32, 32, 3)
    assert info['img'][5, 9].tolist() == [9, 2, 7]  # column, third file, its record 7
    assert (info['gt_label'], info['img_path'][-9:]) == (7, 'train[47]')
    assert len(dataset.metainfo['classes']) == 10
    assert CIFAR10(str(root), split='test')[3]['img'][0, 0].tolist() == [0, 5, 3]


def test_forty_labels_and_all_images(root):
    labelled = CIFAR10(str(root), per_class=4, seed=1)
    assert np.bincount([labelled[i]['gt_label'] for i in range(40)]).tolist() == [4] * 10
    everything = CIFAR10(str(root), labelled=False)
    assert len(everything) == 100
    assert 'gt_label' not in everything[0]


def test_wrong_files_are_named(root):
    with pytest.raises(ValueError, match="split='val': use one of train, test"):
        CIFAR10(str(root), split='val')
    with pytest.raises(DataError, match=r"data root '.*nowhere' does not exist"):
        CIFAR10(str(root / 'nowhere'))
    path = root / 'data_batch_3.bin'
    whole = path.read_bytes()
    wrong = np.frombuffer(whole, np.uint8).copy()
    wrong[0] = 10
    for content in (whole[:-1], wrong.tobytes()):
        path.write_bytes(content)
        with pytest.raises(
            DataError, match=rf"data_batch_3\.bin' has {len(content)} bytes that are no records of 3073"
        ):
            CIFAR10(str(root))
    path.write_bytes(b'')
    with pytest.raises(DataError, match=r"data_batch_3\.bin' is empty: unpack the binary version"):
        CIFAR10(str(root))
    path.unlink()
    with pytest.raises(DataError, match=r"data_batch_3\.bin' does not exist: unpack the binary version"):
        CIFAR10(str(root))
