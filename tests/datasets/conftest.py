"""Small data sets on disk that the tests of this room share."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('mmseg')

CLASSES = ('road', 'car', 'sky')
PIPELINE = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.RandomCrop', crop_size=(16, 16)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmseg.PackSegInputs'),
]


class Folder:
    """`images/*.png` (24×20, seeded noise) and `labels/*.png` (ids 0-2, one row of 255)."""

    def __init__(self, root: Path, count: int, seed: int) -> None:
        self.root = root
        rng = np.random.default_rng(seed)
        for kind in ('images', 'labels'):
            (root / kind).mkdir(parents=True)
        for i in range(count):
            self.image(f'{i:03d}', rng.integers(0, 256, (20, 24, 3)))
            label = rng.integers(0, 3, (20, 24))
            label[0] = 255
            self.label(f'{i:03d}', label)

    def image(self, name: str, pixels: np.ndarray, suffix: str = '.png') -> Path:
        path = self.root / 'images' / (name + suffix)
        assert cv2.imwrite(str(path), np.asarray(pixels, np.uint8))
        return path

    def label(self, name: str, pixels: np.ndarray, dtype: type = np.uint8) -> Path:
        path = self.root / 'labels' / f'{name}.png'
        assert cv2.imwrite(str(path), np.asarray(pixels, dtype))
        return path

    def cfg(self, **changes) -> dict:
        prefix = dict(img_path='images', seg_map_path='labels')
        base = dict(type='mmuda.FolderSegmentation', data_root=str(self.root), data_prefix=prefix)
        return {**base, 'metainfo': dict(classes=CLASSES), 'pipeline': PIPELINE, **changes}


@pytest.fixture
def make_folder(tmp_path):
    """Write a labelled folder: `make_folder('source', 5)`."""

    def make(name: str = 'source', count: int = 5) -> Folder:
        return Folder(tmp_path / name, count, seed=len(name) + count)

    return make
