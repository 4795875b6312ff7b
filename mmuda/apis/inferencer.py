"""Predict on images that belong to no data set: files, folders, arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from mmuda import compat
from mmuda.datasets import DataError
from mmuda.models.ensemble import Ensemble
from mmuda.visualization import palette_of

from .batches import Work, in_batches
from .channels import check_channels, network_channels
from .checkpoint import dataset_meta, load_weights, read_checkpoint, weights_of
from .config import load_config
from .ensemble import check_ensemble, loaded_copies
from .errors import UserError
from .image_pipeline import split_pipeline
from .inputs import Images, NamedImage, find_images
from .outputs import Outputs
from .predictions import Classified, prediction_of
from .preflight import check_config
from .surest import SurestPixels
from .timm_networks import without_timm_weights
from .trained_pipeline import note_other_pipeline
from .tta import augmented, datasets_of


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
        tta: whether several views of each image decide, see :func:`.tta.augmented`.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        predict_on: str = 'student',
        device: str | None = None,
        cfg_options: Mapping[str, Any] | None = None,
        ensemble: Sequence[str | Path] = (),
        tta: bool = False,
    ) -> None:
        compat.apply()
        cfg = load_config(config, cfg_options)
        check_config(cfg, 'infer')
        check_ensemble(checkpoint, ensemble)
        place = _device(device)
        scope = cfg.get('default_scope', 'mmuda')
        with DefaultScope.overwrite_default_scope(scope):
            self.model = build_network(cfg, checkpoint, predict_on)
            self.network = getattr(self.model, predict_on, self.model)
            self.channels = network_channels(self.network) or 3
            pipeline = next(datasets_of(cfg.test_dataloader.dataset))['pipeline']
            views = augmented(cfg, pipeline) if tta else pipeline
            loading, self.steps = split_pipeline(views, self.channels)
            self.loading, self.pipeline = Compose(loading), Compose(self.steps)
            for path in ensemble:
                note_other_pipeline(cfg, read_checkpoint(path), path)
            networks = [self.model, *loaded_copies(self.model, ensemble)]
            predictor = Ensemble(networks) if ensemble else self.model
            self.predictor = MODELS.build(dict(cfg.tta_model, module=predictor)) if tta else predictor
        self.predictor.to(place).eval()
        self.segments = hasattr(self.network, 'decode_head')
        self.classes, self.palette = _class_names(checkpoint, self.network)

    def __call__(self, images: Images, out_dir: str | Path | None = None, **options: Any) -> list:
        """Predict, and on demand write what was predicted.

        Args:
            images: a file, a folder (with its sub-folders), an array as for `predict`, or a list of these, of which one
                that is named twice counts once; or a stream, any iterator over arrays.
            out_dir: of a segmentor gets `labels/NAME.png` (class ids) and `overlays/NAME.png`, of a classifier
                `predictions.csv`; results of other images that are there stay.
            options: see `each`.

        Returns:
            What `predict` returns, per image.

        Raises:
            SomeImagesFailed: After all others are done.
        """
        results: list[np.ndarray | Classified | None] = []
        try:
            results.extend(self.each(images, out_dir, **options))
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
        shares: str | None = None,
        batch_size: int = 1,
        surest: SurestPixels | None = None,
    ) -> Iterator[np.ndarray | Classified | None]:
        """Predict as a call does, but one result after the other (None for a broken image): for more than memory holds,
        or for ever.

        Args:
            images, out_dir: see a call.
            opacity: of the colours over the image (None: 0.5); only a segmentor has some.
            progress: whether to show a bar.
            confidence: whether `confidence/NAME.png` is written, too: the probability of each pixel's class, 0 to 255.
            shares: ``csv`` or ``json``: `shares.csv` or `.json` gets the share of the pixels that each class has.
            batch_size: how many images go through the network together, if they follow each other in one size.
            surest: which pixels of a segmentor are sure enough; all others have 255.
        """
        outputs = Outputs(out_dir, self.segments, self.classes, self.palette, opacity, confidence, shares)
        items = find_images(images)
        total = len(items) if isinstance(items, list) else None
        bar = track(items, 'images', total, console=Console(stderr=True), disable=not progress or total == 1)
        problems: list[str] = []
        done = 0
        with outputs:
            for works in in_batches(map(self._start, bar), batch_size):
                self._finish(works)
                for work in works:
                    yield self._said(work, outputs, surest)
                problems += [work.problem for work in works if work.problem]
                done += len(works)
        if problems:
            raise SomeImagesFailed(problems, done)

    def _said(self, work: Work, outputs: Outputs, surest: SurestPixels | None) -> np.ndarray | Classified | None:
        """Write what was predicted of an image."""
        if work.problem:
            return None
        result = prediction_of(work.sample, self.classes) if surest is None else surest.labels(work.sample)
        outputs.write(work.item, result, work.loaded['img'], work.sample)
        return result

    def predict(self, image: np.ndarray) -> np.ndarray | Classified:
        """Predict on one image in memory: class ids, uint8 [H, W], by a segmentor, else the class with its scores.

        Args:
            image: uint8 [H, W, 3] in RGB; for a network of other than three channels uint8 or float32, [H, W] or
                [H, W, channels], in the order in which it was trained.
        """
        return prediction_of(self.sample(image), self.classes)

    def sample(self, image: str | np.ndarray) -> Any:
        """Return the data sample of an image, or of its file: all that the model says of it, such as class scores."""
        (sample,) = self._predict([self.pipeline(self._load(image))])
        return sample

    def prepare(self, image: str | np.ndarray) -> Tensor:
        """Return a file or an array as the network gets it, normalised: ``[1, C, H, W]``."""
        batch = pseudo_collate([self.pipeline(self._load(image))])
        return self.model.data_preprocessor(batch, False)['inputs']

    def _start(self, item: NamedImage) -> Work:
        try:
            loaded = self._load(item.image)
        except DataError as error:
            return Work(item, problem=str(error))
        return Work(item, loaded, self.pipeline(dict(loaded)))

    def _finish(self, works: list[Work]) -> None:
        whole = [work for work in works if work.prepared is not None]
        if whole:
            for work, sample in zip(whole, self._predict([work.prepared for work in whole])):
                work.sample = sample

    def _load(self, image: str | np.ndarray) -> dict:
        """Return an image as the test pipeline's loading step leaves it."""
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
    def _predict(self, prepared: list[dict]) -> list:
        return self.predictor.test_step(pseudo_collate(prepared))


def _device(name: str | None) -> torch.device:
    """Return the named device, or the first GPU, or the CPU.

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
    """Return the model of a config with a checkpoint's weights."""
    loaded = read_checkpoint(checkpoint)
    note_other_pipeline(cfg, loaded, checkpoint)
    without_timm_weights(cfg)
    model_cfg = cfg.model.copy()
    if cfg.get('data_preprocessor') is not None:
        model_cfg.setdefault('data_preprocessor', cfg.data_preprocessor)
    model = MODELS.build(model_cfg)
    load_weights(model, weights_of(loaded, checkpoint), checkpoint)
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


def _bands(image: np.ndarray) -> int:
    return image.shape[2] if image.ndim == 3 else 1


def _class_names(checkpoint: str | Path, network: nn.Module) -> tuple[list[str], list]:
    """Return classes and palette that the checkpoint knows of, else numbers and made-up colours."""
    meta = dataset_meta(read_checkpoint(checkpoint))
    head = network.decode_head if hasattr(network, 'decode_head') else network.head
    classes = list(meta.get('classes') or map(str, range(head.num_classes)))
    return classes, palette_of(meta, len(classes))
