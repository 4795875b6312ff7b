"""Write what a model predicts: label maps and pictures of segmented images, a table of classified ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image

from mmuda.datasets.listing import PREDICTIONS, list_files
from mmuda.storage import atomic_write
from mmuda.visualization import overlay, palette_of

from .errors import UserError
from .inputs import result_names
from .result_tables import ResultTable

TABLE = 'predictions.csv'


@dataclass(frozen=True)
class Classified:
    """Prediction of a classifier: the class, its name, and the score of every class, float32 [K]."""

    label: int
    name: str
    scores: np.ndarray

    def cells(self) -> list[str]:
        """Return the cells of its line in a table, behind the image."""
        scores = [f'{score:.6f}' for score in self.scores]
        return [self.name, scores[self.label], *scores]


def prediction_of(sample: Any, classes: Sequence[str]) -> np.ndarray | Classified:
    """Tell what a data sample predicts: a label map, uint8 [H, W], or a class."""
    if 'pred_sem_seg' in sample:
        return sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
    label = int(sample.pred_label)
    name = str(classes[label]) if label < len(classes) else str(label)
    return Classified(label, name, sample.pred_score.float().cpu().numpy())


def confidence_of(sample: Any) -> np.ndarray:
    """Return the probability of the predicted class, float32 [H, W] of a segmented image, [1] of a classified one."""
    if 'pred_sem_seg' not in sample:
        return sample.pred_score.max()[None].float().cpu().numpy()
    scores = sample.seg_logits.data.float()
    best = scores.softmax(0).amax(0) if len(scores) > 1 else torch.maximum(scores[0], 1 - scores[0])
    return best.cpu().numpy()


def check_prediction_folders(folders: Iterable[str | Path | None]) -> None:
    """Refuse to write predictions among other images, such as one's own label maps: these could be of the same names.

    Args:
        folders: They need not be there; None counts for nothing.

    Raises:
        UserError: A folder of images without the mark that predictions have.
    """
    for folder in map(Path, filter(None, folders)):
        if not folder.is_dir() or Path(folder, PREDICTIONS).exists():
            continue
        if names := list_files(folder).names:
            raise UserError(
                f'{folder} holds {len(names)} images that are no predictions, such as {names[0]}, and predictions '
                'could take their place: choose another folder'
            )


class PredictionFolder:
    """Writes predictions under the names of their images; its folders are left out when images are listed.

    Args:
        label_dir: where label maps (class ids, one channel) and the table of classes go; None for none.
        overlay_dir: where images with the prediction painted over go; None for none.
        palette: RGB of each class.
        opacity: of the colours over the image.
        confidence_dir: where maps of the confidence go; None for none.
    """

    def __init__(
        self,
        label_dir: str | Path | None,
        overlay_dir: str | Path | None,
        palette: Sequence[tuple[int, int, int]] = (),
        opacity: float = 0.5,
        confidence_dir: str | Path | None = None,
    ) -> None:
        self.label_dir, self.overlay_dir, self.confidence_dir = label_dir, overlay_dir, confidence_dir
        self.palette, self.opacity = palette, opacity
        self.marked = False

    def write(
        self, name: str, label: np.ndarray, image: np.ndarray | None, confidence: np.ndarray | None = None
    ) -> None:
        """Write the label map of one image, and its picture.

        Args:
            name: of the image, without suffix.
            label: uint8 [H, W].
            image: as a pipeline loads it; None where no picture is wanted.
            confidence: [H, W], 0 to 1; None where no map of it is wanted.
        """
        self._mark()
        if self.label_dir:
            save(label, Path(self.label_dir, f'{name}.png'))
        if self.overlay_dir:
            picture = overlay(as_rgb(image), label, self.palette, self.opacity)
            save(picture, Path(self.overlay_dir, f'{name}.png'))
        if self.confidence_dir:
            save((255 * confidence).round().astype(np.uint8), Path(self.confidence_dir, f'{name}.png'))

    def _mark(self) -> None:
        """Make the folders with the first prediction, so that none is left behind where there is not one."""
        for folder in () if self.marked else filter(None, (self.label_dir, self.overlay_dir, self.confidence_dir)):
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder, PREDICTIONS).touch()
        self.marked = True


class PredictionWriter(Hook):
    """Writes the predictions of a test run under the names that the images have below their folder.

    Args:
        label_dir, overlay_dir: as for `PredictionFolder`; of a classifier `label_dir` gets the table.
    """

    def __init__(self, label_dir: str | None = None, overlay_dir: str | None = None) -> None:
        self.label_dir = label_dir
        self.overlay_dir = overlay_dir

    def before_test(self, runner: Runner) -> None:
        """Give every image of the data set a name of its own."""
        dataset = runner.test_dataloader.dataset
        paths = list(dict.fromkeys(dataset.get_data_info(i)['img_path'] for i in range(len(dataset))))
        folder = getattr(dataset, 'data_prefix', {}).get('img_path')
        folders = [folder if folder and Path(folder) in Path(path).parents else Path(path).parent for path in paths]
        self.names = dict(zip(paths, result_names(paths, folders)))
        self.classes = dataset.metainfo.get('classes') or ()
        self.palette = palette_of(dataset.metainfo, len(self.classes))
        self.rows: list[tuple[str, Classified]] = []
        self.folder: PredictionFolder | None = None
        self.table: ResultTable | None = None

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """Write the batch that was just predicted."""
        for sample in outputs or ():
            predicted = prediction_of(sample, self.classes)
            if isinstance(predicted, Classified):
                if self.label_dir and self.table is None:
                    self.table = prediction_table(self.label_dir, self.classes)
                self.rows.append((sample.img_path, predicted))
                continue
            if self.folder is None:
                self.folder = PredictionFolder(self.label_dir, self.overlay_dir, self.palette)
            image = load_again(runner.test_dataloader.dataset, sample.img_path) if self.overlay_dir else None
            self.folder.write(self.names[sample.img_path], predicted, image)

    def after_test(self, runner: Runner) -> None:
        """Write the classes of all processes' images."""
        found = dict(row for rows in dist.all_gather_object(self.rows) for row in rows)
        if found and self.table and dist.is_main_process():
            for path in filter(found.__contains__, self.names):
                self.table.add(path, found[path].cells())
            self.table.close()


def prediction_table(folder: str | Path, classes: Sequence[str]) -> ResultTable:
    """Return `predictions.csv`: image, class, that class's score, and the scores of all classes."""
    return ResultTable(Path(folder, TABLE), ['class', 'score'], classes)


def load_again(dataset: Any, path: str) -> np.ndarray:
    """Return an image as the loading step of the data set's own pipeline gives it."""
    while getattr(dataset, 'datasets', None):
        dataset = dataset.datasets[0]
    return dataset.pipeline.transforms[0](dict(img_path=path))['img']


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Turn an image as pipelines load it, [H, W] or [H, W, bands], blue first, into a picture: uint8 [H, W, 3], RGB.

    Values that are no bytes are spread over the range of a byte.
    """
    bands = np.atleast_3d(image)
    picture = np.ascontiguousarray(bands[..., 2::-1] if bands.shape[2] > 2 else bands[..., [0, 0, 0]])
    if picture.dtype == np.uint8:
        return picture
    return cv2.normalize(picture.astype(np.float32), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def save(picture: np.ndarray, path: Path) -> None:
    """Write a picture or label map as PNG, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, sync=False) as file:
        Image.fromarray(picture).save(file, 'PNG')
