"""Predict on images that belong to no data set: files, folders, arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from mmengine.utils import track_iter_progress
from torch import nn

from mmuda import compat
from mmuda.datasets.label_free import is_label_loader
from mmuda.visualization import overlay, palette_of

from .checkpoint import load_checkpoint, read_checkpoint
from .config import load_config
from .errors import UserError
from .predictions import read_image, save

SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
Images = str | Path | np.ndarray | Sequence[str | Path | np.ndarray]


class UDAInferencer:
    """A trained model, ready for single images.

        predict = UDAInferencer('configs/stct/gta2cs.py', 'work_dirs/gta2cs/iter_40000.pth')
        labels, = predict('street.png', out_dir='pictures')

    Args:
        config: config file.
        checkpoint: checkpoint file.
        predict_on: which network of a self-training model predicts.
        device: torch device; None: the first GPU, else the CPU.
    """

    def __init__(
        self, config: str | Path, checkpoint: str | Path, predict_on: str = 'student', device: str | None = None
    ) -> None:
        compat.apply()
        cfg = load_config(config)
        scope = cfg.get('default_scope', 'mmuda')
        with DefaultScope.overwrite_default_scope(scope):
            self.model = build_network(cfg, checkpoint, predict_on)
            self.pipeline = Compose(_without_files(cfg.test_dataloader.dataset.pipeline))
        self.model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu')).eval()
        self.classes, self.palette = _class_names(checkpoint, self.model)

    def __call__(
        self, images: Images, out_dir: str | Path | None = None, opacity: float = 0.5, progress: bool = True
    ) -> list[np.ndarray]:
        """Predict, and on demand write a label map and an overlay of every image.

        Args:
            images: a file, a folder (with its sub-folders), an RGB array uint8 [H, W, 3], or a list
                of these.
            out_dir: gets `labels/NAME.png` (class ids) and `overlays/NAME.png`.
            opacity: of the colours over the image.
            progress: whether to show a bar.

        Returns:
            One label map [H, W], uint8, per image.
        """
        found = list(_images(images))
        bar = track_iter_progress if progress and len(found) > 1 else list
        labels = []
        for name, image in bar(found):
            picture = image if isinstance(image, np.ndarray) else read_image(image)
            labels.append(self.predict(picture))
            if out_dir is not None:
                save(labels[-1], Path(out_dir, 'labels', name))
                save(overlay(picture, labels[-1], self.palette, opacity), Path(out_dir, 'overlays', name))
        return labels

    @torch.inference_mode()
    def predict(self, image: np.ndarray) -> np.ndarray:
        """RGB image uint8 [H, W, 3] -> class ids uint8 [H, W]."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise UserError(
                f'an image array has the shape {image.shape} and the type {image.dtype}: give uint8 [H, W, 3] in RGB'
            )
        results = dict(
            img=np.ascontiguousarray(image[..., ::-1]),
            img_path=None,
            img_shape=image.shape[:2],
            ori_shape=image.shape[:2],
        )
        (sample,) = self.model.test_step(pseudo_collate([self.pipeline(results)]))
        return sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def build_network(cfg: Config, checkpoint: str | Path, predict_on: str = 'student') -> nn.Module:
    """The model of a config with a checkpoint's weights."""
    model_cfg = cfg.model.copy()
    if cfg.get('data_preprocessor') is not None:
        model_cfg.setdefault('data_preprocessor', cfg.data_preprocessor)
    model = MODELS.build(model_cfg)
    load_checkpoint(model, checkpoint)
    choose_network(model, predict_on)
    return model


def choose_network(model: nn.Module, name: str) -> None:
    """Let the student or the teacher of a self-training model predict."""
    if name == 'student' and not hasattr(model, 'predict_on'):
        return
    if name not in getattr(model, 'NETWORKS', ()):
        raise UserError(
            f"{type(model).__name__} has no network called {name} to predict on: leave the option out, or use 'student'"
        )
    model.predict_on = name


def _images(images: Images) -> Iterator[tuple[str, Any]]:
    """(file name for the results, path or array) of every image."""
    single = isinstance(images, (np.ndarray, str, Path))
    for number, image in enumerate([images] if single else images):
        if isinstance(image, np.ndarray):
            yield f'{number:06d}.png', image
        elif Path(image).is_dir():
            yield from _folder(Path(image))
        elif Path(image).is_file():
            yield f'{Path(image).stem}.png', image
        else:
            raise UserError(f'image {image} does not exist: give an image file or a folder')


def _folder(folder: Path) -> Iterator[tuple[str, Path]]:
    files = sorted(path for path in folder.rglob('*') if path.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f'folder {folder} holds no image ({", ".join(SUFFIXES)}): give another one')
    for path in files:
        yield str(path.relative_to(folder).with_suffix('.png')), path


def _without_files(pipeline: list[dict]) -> list[dict]:
    """A test pipeline for images that are in memory and have no labels."""
    return [
        step
        for step in pipeline
        if not is_label_loader(step['type']) and not str(step['type']).rpartition('.')[2].startswith('LoadImage')
    ]


def _class_names(checkpoint: str | Path, model: nn.Module) -> tuple[list[str], list]:
    """Classes and palette that the checkpoint knows of, else numbers and made-up colours."""
    meta = read_checkpoint(checkpoint).get('meta', {}).get('dataset_meta') or {}
    head = getattr(model, 'student', model).decode_head
    classes = list(meta.get('classes') or map(str, range(head.num_classes)))
    return classes, palette_of(meta, len(classes))
