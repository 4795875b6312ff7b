"""A small, healthy pair of domains on disk, and the config that reads it."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

pytest.importorskip('mmseg')

from mmengine.config import Config

CLASSES = ['road', 'car', 'sky']


def picture(seed: int) -> np.ndarray:
    """uint8 [60, 80, 3]: smooth shapes."""
    noise = np.random.default_rng(seed).uniform(0, 255, (6, 6, 3)).astype(np.float32)
    return cv2.resize(noise, (80, 60), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


class Streets:
    """`ROLE/images/N.png` and `ROLE/labels/N.png` for source, target (images alone) and val."""

    def __init__(self, root) -> None:
        self.root = root
        for number, role in enumerate(('source', 'target', 'val')):
            for n in range(4):
                self.image(role, n, picture(100 * number + n))
                if role != 'target':
                    self.label(role, n, np.random.default_rng(n).integers(0, 3, (60, 80)))

    def image(self, role: str, n: int, pixels: np.ndarray, **options) -> None:
        self._save(f'{role}/images/{n}.png', pixels, **options)

    def tiff(self, role: str, n: int, pixels: np.ndarray) -> None:
        """Values of any number type and any number of bands, in the place of image `n`."""
        (self.root / f'{role}/images/{n}.png').unlink()
        kind = 'rgb' if pixels.shape[2:] == (3,) else 'minisblack'
        tifffile.imwrite(self.root / f'{role}/images/{n}.tif', pixels, photometric=kind, planarconfig='contig')

    def label(self, role: str, n: int, ids: np.ndarray) -> None:
        self._save(f'{role}/labels/{n}.png', ids)

    def _save(self, name: str, pixels: np.ndarray, **options) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)

    def cfg(self, classes=CLASSES, **changes) -> Config:
        def part(role: str, labelled: bool = True) -> dict:
            labels = dict(seg_map_path=f'{role}/labels') if labelled else {}
            return dict(
                type='mmuda.FolderSegmentation',
                data_root=str(self.root),
                data_prefix=dict(img_path=f'{role}/images', **labels),
                metainfo=dict(classes=list(classes)),
                **changes,
            )

        train = dict(type='mmuda.DomainDataset', source=part('source'), target=part('target', labelled=False))
        return Config(dict(train_dataloader=dict(dataset=train), val_dataloader=dict(dataset=part('val'))))


@pytest.fixture
def streets(tmp_path) -> Streets:
    return Streets(tmp_path)
