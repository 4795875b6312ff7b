"""What the networks of a report predict on images of the validation: confusion matrices, and some pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, DefaultScope
from mmengine.utils import track_iter_progress
from torch import nn

from mmuda import compat
from mmuda.datasets.label_free import has_labels, load_no_labels
from mmuda.visualization import colorize, palette_of

from ..confusion import count_pairs, predicted_classes, true_classes
from ..inferencer import build_network
from ..pages import data_address
from ..predictions import as_rgb, confidence_of, load_again
from ..preflight import check_data_roots
from ..shared_classes import checkpoint_classes, share_classes
from ..work_dir import find_checkpoints
from .groups import Group

PICTURES = 4


@dataclass
class Look:
    """Predictions that were looked at.

    Attributes:
        classes, palette: Of the data set.
        confusion: Of each group ``[K, K]``: pixels (images) of a true class, by predicted class; empty without labels.
        shown: The name and the pictures of some images, each with a title and an address.
        images: How many were predicted.
        maps: Whether each pixel has a class.
    """

    classes: list[str]
    palette: list
    confusion: dict[str, np.ndarray] = field(default_factory=dict)
    shown: list[dict] = field(default_factory=list)
    images: int = 0
    maps: bool = True


@dataclass
class _Answer:
    """A network's prediction of one image: class ids, and the probability of the class."""

    label: np.ndarray
    confidence: np.ndarray


def look_at_predictions(groups: Sequence[Group], images: int) -> Look:
    """Predict on images of the first group's validation with the last checkpoint of each group's first run.

    Args:
        groups: Baseline first: the order of the pictures.
        images: How many, evenly spaced; all if there are fewer.
    """
    compat.apply()
    cfg = groups[0].first.cfg
    part = cfg.get('val_dataloader') or cfg.test_dataloader
    check_data_roots(cfg, 'val', 'test')
    checkpoints = {group.name: find_checkpoints(group.first.work_dir)[-1] for group in groups}
    classes = [checkpoint_classes(path) for path in checkpoints.values()]  # a broken one is said before any is built
    share_classes(cfg, classes[0])
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        dataset = DATASETS.build(part.dataset)
        networks = {group.name: _network(group, checkpoints[group.name]) for group in groups}
    labelled = has_labels(dataset)
    if not labelled:
        load_no_labels(dataset)
    classes = list(dataset.metainfo['classes'])
    look = Look(classes, palette_of(dataset.metainfo, len(classes)))
    chosen = sorted({round(x) for x in np.linspace(0, len(dataset) - 1, min(images, len(dataset)))})
    pictured = {chosen[round(x)] for x in np.linspace(0, len(chosen) - 1, min(PICTURES, len(chosen)))}
    for index in track_iter_progress(chosen, file=sys.stderr) if len(chosen) > 1 else chosen:
        _look_at(look, dataset, index, networks, labelled, index in pictured)
    look.images = len(chosen)
    return look


def _network(group: Group, checkpoint: Path) -> nn.Module:
    model = build_network(group.first.cfg, checkpoint)
    return model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()


def _look_at(
    look: Look, dataset: Any, index: int, networks: dict[str, nn.Module], labelled: bool, pictured: bool
) -> None:
    batch = pseudo_collate([dataset[index]])
    truth, answers, pseudo = None, {}, {}
    for name, network in networks.items():
        sample = _predicted(network, batch)
        look.maps = 'pred_sem_seg' in sample
        answers[name] = _answer(sample)
        if labelled:
            truth = true_classes(sample)
            pairs = count_pairs(truth, answers[name].label, len(look.classes))
            look.confusion[name] = look.confusion.get(name, 0) + pairs
        if 'teacher' in getattr(network, 'NETWORKS', ()):
            network.predict_on = 'teacher'
            pseudo[name] = _answer(_predicted(network, batch))
            network.predict_on = 'student'
    if pictured:
        image = as_rgb(load_again(dataset, sample.img_path))
        cells = (_maps if look.maps else _captions)(look, image, truth, answers, pseudo)
        look.shown.append(dict(name=sample.img_path.rpartition('/')[2], cells=cells))


@torch.inference_mode()
def _predicted(network: nn.Module, batch: dict) -> Any:
    return network.val_step(dict(batch))[0]


def _answer(sample: Any) -> _Answer:
    return _Answer(predicted_classes(sample), confidence_of(sample))


def _maps(look: Look, image: np.ndarray, truth: np.ndarray | None, answers: dict, pseudo: dict) -> list[dict]:
    """Return target | truth | each group | confidence and pseudo-label of those with a teacher, else of the last."""
    cells = [dict(title='target', source=data_address(image, 360))]
    painted = {} if truth is None else {'truth': truth}
    painted |= {name: answer.label for name, answer in answers.items()}
    cells += [_painted(title, label, look) for title, label in painted.items()]
    name = next(reversed(pseudo or answers))
    heat = cv2.applyColorMap((255 * answers[name].confidence).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    cells.append(dict(title=f'confidence of {name}', source=data_address(heat, 360)))
    return cells + [_painted(f'pseudo-label of {name}', answer.label, look) for name, answer in pseudo.items()]


def _painted(title: str, label: np.ndarray, look: Look) -> dict:
    return dict(title=title, source=data_address(colorize(label, look.palette), 360, sharp=True))


def _captions(look: Look, image: np.ndarray, truth: np.ndarray | None, answers: dict, pseudo: dict) -> list[dict]:
    lines = [] if truth is None else [f'truth: {look.classes[int(truth[0])]}']
    said = [*answers.items(), *((f'pseudo-label of {name}', answer) for name, answer in pseudo.items())]
    lines += [f'{name}: {look.classes[int(one.label[0])]} ({one.confidence[0]:.2f})' for name, one in said]
    return [dict(title=' · '.join(lines), source=data_address(image, 360))]
