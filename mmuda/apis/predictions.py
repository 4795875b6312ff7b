"""Write what a model predicts on the test images: label maps, pictures, or both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image

from mmuda.visualization import overlay, palette_of


class PredictionWriter(Hook):
    """Writes PNG files under the names that the images have below their folder.

    Args:
        label_dir: where label maps (class ids, one channel) go; None for none.
        overlay_dir: where images with the prediction painted over go; None for none.
    """

    def __init__(self, label_dir: str | None = None, overlay_dir: str | None = None) -> None:
        self.label_dir = label_dir
        self.overlay_dir = overlay_dir

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """Write the batch that was just predicted."""
        dataset = runner.test_dataloader.dataset
        folder = getattr(dataset, 'data_prefix', {}).get('img_path')
        for sample in outputs or ():
            label = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
            name = _relative(Path(sample.img_path), folder).with_suffix('.png')
            if self.label_dir:
                save(label, Path(self.label_dir) / name)
            if self.overlay_dir:
                palette = palette_of(dataset.metainfo, len(dataset.metainfo['classes']))
                picture = overlay(read_image(sample.img_path), label, palette)
                save(picture, Path(self.overlay_dir) / name)


def read_image(path: str | Path) -> np.ndarray:
    """uint8 [H, W, 3], RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert('RGB'))


def read_label(path: str | Path) -> np.ndarray:
    """uint8 [H, W] class ids."""
    with Image.open(path) as label:
        return np.asarray(label)


def save(picture: np.ndarray, path: Path) -> None:
    """Write a picture or label map, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def _relative(path: Path, folder: str | None) -> Path:
    if folder and Path(folder).resolve() in path.resolve().parents:
        return path.resolve().relative_to(Path(folder).resolve())
    return Path(path.name)
