"""Predict on images that belong to no data set: files, folders, arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from mmengine.utils import track_iter_progress
from torch import Tensor, nn

from mmuda import compat
from mmuda.datasets import DataError
from mmuda.datasets.label_free import is_label_loader
from mmuda.datasets.own_readers import is_image_loader, use_own_readers
from mmuda.models.ensemble import Ensemble
from mmuda.visualization import palette_of

from .channels import check_channels, network_channels
from .checkpoint import dataset_meta, load_checkpoint, read_checkpoint
from .config import load_config
from .ensemble import loaded_copies
from .errors import UserError
from .inputs import Images, NamedImage, find_images
from .predictions import TABLE, Classified, PredictionFolder, PredictionTable, confidence_of, prediction_of
from .preflight import check_config
from .surest import SurestPixels
from .timm_networks import without_timm_weights

COLOR_TYPES = {1: 'grayscale', 3: 'color'}
"""How a file is loaded for a network of so many channels, when its data set has no files: else `unchanged`."""


class SomeImagesFailed(UserError):
    """Some images could not be read; `results` of a call has those of all others, and None for these."""

    def __init__(self, problems: Sequence[str], total: int) -> None:
        done = total - len(problems)
        super().__init__(f'{len(problems)} of {total} images failed, {done} are done: {" ".join(problems)}')
        self.results: list[np.ndarray | Classified | None] = []


class UDAInferencer:
    """A trained model, ready for single images.

        predict = UDAInferencer('configs/stct/gta2cs.py', 'work_dirs/gta2cs/iter_40000.pth')
        labels, = predict('street.png', out_dir='pictures')

    Files are loaded as the config's test pipeline loads them.

    Args:
        config: config file.
        checkpoint: checkpoint file.
        predict_on: which network of a self-training model predicts.
        device: torch device; None: the first GPU, else the CPU.
        cfg_options: changes of the config, by dotted keys.
        ensemble: further checkpoints of the config, whose probabilities are averaged with those of the first.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        predict_on: str = 'student',
        device: str | None = None,
        cfg_options: Mapping[str, Any] | None = None,
        ensemble: Sequence[str | Path] = (),
    ) -> None:
        compat.apply()
        cfg = load_config(config, cfg_options)
        check_config(cfg, 'infer')
        place = _device(device)
        scope = cfg.get('default_scope', 'mmuda')
        with DefaultScope.overwrite_default_scope(scope):
            self.model = build_network(cfg, checkpoint, predict_on)
            self.network = getattr(self.model, predict_on, self.model)
            self.channels = network_channels(self.network) or 3
            loading, self.steps = _split(_pipeline(cfg.test_dataloader.dataset), self.channels)
            self.loading, self.pipeline = Compose(loading), Compose(self.steps)
        networks = [self.model, *loaded_copies(self.model, checkpoint, ensemble)]
        self.predictor = (Ensemble(networks) if ensemble else self.model).to(place).eval()
        self.segments = hasattr(self.network, 'decode_head')
        self.classes, self.palette = _class_names(checkpoint, self.network)

    def __call__(
        self,
        images: Images,
        out_dir: str | Path | None = None,
        opacity: float | None = None,
        progress: bool = True,
        confidence: bool = False,
    ) -> list[np.ndarray | Classified]:
        """Predict, and on demand write what was predicted.

        Args:
            images: a file, a folder (with its sub-folders), an array as for `predict`, or a list of these. A file
                that is named twice counts once.
            out_dir: of a segmentor gets `labels/NAME.png` (class ids) and `overlays/NAME.png`, of a classifier
                `predictions.csv`; results of other images that are there stay.
            opacity: of the colours over the image (None: 0.5); only a segmentor has some.
            progress: whether to show a bar.
            confidence: whether `confidence/NAME.png` is written, too: the probability of each pixel's class, 0 to 255.

        Returns:
            What `predict` returns, per image.

        Raises:
            SomeImagesFailed: After all others are done.
        """
        results: list[np.ndarray | Classified | None] = []
        try:
            results.extend(self.each(images, out_dir, opacity, progress, confidence))
        except SomeImagesFailed as error:
            error.results = results
            raise
        return results

    def each(
        self,
        images: Images,
        out_dir: str | Path | None = None,
        opacity: float | None = None,
        progress: bool = True,
        confidence: bool = False,
        surest: SurestPixels | None = None,
    ) -> Iterator[np.ndarray | Classified | None]:
        """As a call, but one result after the other (None for a broken image): for more than fit in memory.

        With ``surest`` pixels that are not sure enough have 255.
        """
        for name, given in (('opacity', opacity is not None), ('confidence', confidence)):
            if given and not self.segments:
                raise UserError(f'{name} is for pictures of segmented images, and this model classifies: leave it out')
        found = find_images(images)
        folder = self._folder(out_dir, 0.5 if opacity is None else opacity, confidence)
        bar = track_iter_progress if progress and len(found) > 1 else iter
        problems = []
        with self._table(out_dir) as add:
            for item in bar(found):
                try:
                    result = self._one(item, folder, surest)
                except DataError as error:
                    problems.append(str(error))
                    result = None
                if isinstance(result, Classified):
                    add(item.title, result)
                yield result
        if problems:
            raise SomeImagesFailed(problems, len(found))

    def predict(self, image: np.ndarray) -> np.ndarray | Classified:
        """One image in memory -> class ids, uint8 [H, W], of a segmentor, else the class with its scores.

        Args:
            image: uint8 [H, W, 3] in RGB; for a network of other than three channels uint8 or float32, [H, W] or
                [H, W, channels], in the order in which it was trained.
        """
        return prediction_of(self.sample(image), self.classes)

    def prepare(self, image: str | np.ndarray) -> Tensor:
        """A file or an array as the network gets it, normalised: ``[1, C, H, W]``."""
        batch = pseudo_collate([self.pipeline(self._load(image))])
        return self.model.data_preprocessor(batch, False)['inputs']

    def sample(self, image: str | np.ndarray) -> Any:
        """An image, or its file -> the data sample with all that the model says of it, such as class scores."""
        return self._predict(self._load(image))

    def _one(
        self, item: NamedImage, folder: PredictionFolder | None, surest: SurestPixels | None
    ) -> np.ndarray | Classified:
        """Load, predict, write."""
        loaded = self._load(item.image)
        image = loaded['img']
        sample = self._predict(loaded)
        result = prediction_of(sample, self.classes) if surest is None else surest.labels(sample)
        if folder is not None:
            folder.write(item.name, result, image, confidence_of(sample) if folder.confidence_dir else None)
        return result

    def _load(self, image: str | np.ndarray) -> dict:
        """An image as the test pipeline's loading step leaves it."""
        if not isinstance(image, np.ndarray):
            return self._load_file(image)
        self._check(image)
        pixels = np.ascontiguousarray(image[..., ::-1]) if self.channels == 3 else image
        return dict(img=pixels, img_path=None, img_shape=image.shape[:2], ori_shape=image.shape[:2])

    def _load_file(self, path: str) -> dict:
        try:
            loaded = self.loading(dict(img_path=path))
        except DataError:
            raise
        except Exception as error:  # what a loading step that is not ours says of a file
            raise DataError(f"'{path}' cannot be loaded ({error!r}): copy or convert it again.") from error
        check_channels(_bands(loaded['img']), self.channels, path)
        return loaded

    def _check(self, image: np.ndarray) -> None:
        kinds = (np.uint8,) if self.channels == 3 else (np.uint8, np.float32)
        if image.ndim not in (2, 3) or _bands(image) != self.channels or image.dtype not in kinds:
            wanted = 'uint8 [H, W, 3] in RGB' if self.channels == 3 else f'uint8 or float32 [H, W, {self.channels}]'
            raise UserError(f'an image array has the shape {image.shape} and the type {image.dtype}: give {wanted}')

    @torch.inference_mode()
    def _predict(self, loaded: dict) -> Any:
        (sample,) = self.predictor.test_step(pseudo_collate([self.pipeline(loaded)]))
        return sample

    def _folder(self, out_dir: str | Path | None, opacity: float, confidence: bool) -> PredictionFolder | None:
        if out_dir is None or not self.segments:
            return None
        folders = [Path(out_dir, name) for name in ('labels', 'overlays', 'confidence')[: 2 + confidence]]
        return PredictionFolder(*folders[:2], self.palette, opacity, *folders[2:])

    @contextmanager
    def _table(self, out_dir: str | Path | None) -> Iterator[Callable[[str, Classified], None]]:
        """Where a classifier's lines go, one after the other."""
        if out_dir is None or self.segments:
            yield lambda image, row: None
            return
        with closing(PredictionTable(Path(out_dir, TABLE), self.classes)) as table:
            yield table.add


def _device(name: str | None) -> torch.device:
    """The named device, or the first GPU, or the CPU.

    Raises:
        UserError: There is no such device here.
    """
    try:
        device = torch.device(name or ('cuda' if torch.cuda.is_available() else 'cpu'))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split('\n')[0]
        raise UserError(f"there is no device '{name}' here ({reason}): use cpu, cuda or cuda:N") from error
    return device


def build_network(cfg: Config, checkpoint: str | Path, predict_on: str = 'student') -> nn.Module:
    """The model of a config with a checkpoint's weights."""
    without_timm_weights(cfg)
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


def _pipeline(dataset: Any) -> list[dict]:
    """The pipeline of a data set's config, or of the first one inside."""
    while 'pipeline' not in dataset:
        inner = dataset.get('dataset') or dataset.get('datasets')
        dataset = inner if isinstance(inner, Mapping) else inner[0]
    return dataset['pipeline']


def _split(pipeline: list[dict], channels: int) -> tuple[list[dict], list[dict]]:
    """The loading step of a test pipeline, and what comes after it without labels."""
    steps = [step for step in use_own_readers(pipeline) if not is_label_loader(step['type'])]
    loading = [step for step in steps if is_image_loader(step['type'])]
    default = dict(type='mmuda.LoadImage', color_type=COLOR_TYPES.get(channels, 'unchanged'))
    return loading or [default], [step for step in steps if not is_image_loader(step['type'])]


def _bands(image: np.ndarray) -> int:
    return image.shape[2] if image.ndim == 3 else 1


def _class_names(checkpoint: str | Path, network: nn.Module) -> tuple[list[str], list]:
    """Classes and palette that the checkpoint knows of, else numbers and made-up colours."""
    meta = dataset_meta(read_checkpoint(checkpoint))
    head = network.decode_head if hasattr(network, 'decode_head') else network.head
    classes = list(meta.get('classes') or map(str, range(head.num_classes)))
    return classes, palette_of(meta, len(classes))
