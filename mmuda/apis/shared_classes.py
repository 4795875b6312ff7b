"""Who evaluates takes the classes of who trained: data sets that would find classes of their own in their folders.

A set of one folder a class has the classes that its config names, else its folders. A validation folder that lacks one
would give all later classes other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.registry import DATASETS

from .checkpoint import dataset_meta, read_checkpoint
from .errors import UserError

compat.apply()


def share_classes(cfg: Config, classes: Sequence[str] | None = None) -> None:
    """Write the classes into the config of every evaluated set that would take them from its own folders.

    Args:
        cfg: The config; its training set has the classes unless they are given.
        classes: Of a checkpoint.
    """
    evaluated = [
        (mode, part)
        for mode in ('val', 'test')
        for part in _dicts((cfg.get(f'{mode}_dataloader') or {}).get('dataset'))
        if _finds_classes(part)
    ]
    if not evaluated:
        return
    classes = classes or _source_classes(cfg)
    for mode, part in evaluated if classes else ():
        part['metainfo'] = dict(part.get('metainfo') or {}, classes=list(classes))
        print_log(f'The {mode} set takes the {len(classes)} classes of the training set.', 'current')


def checkpoint_classes(path: str | Path) -> list[str] | None:
    """Return the class names that a checkpoint was trained with; None where it does not know, or is no local file."""
    if '://' in str(path):
        return None
    classes = dataset_meta(read_checkpoint(path)).get('classes')
    return None if classes is None else list(classes)


def _dicts(node: Any) -> Iterator[dict]:
    """Yield all dicts with a type in nested configs."""
    if isinstance(node, Mapping):
        if 'type' in node:
            yield node
        for key, value in node.items():
            if key != 'pipeline':
                yield from _dicts(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _dicts(value)


def _finds_classes(part: Mapping) -> bool:
    """Tell whether a set takes its classes from its folders."""
    from mmuda.datasets import FolderClassification

    kind = DATASETS.get(part['type']) if isinstance(part['type'], str) else part['type']
    named = (part.get('metainfo') or {}).get('classes') or getattr(kind, 'METAINFO', {}).get('classes')
    return isinstance(kind, type) and issubclass(kind, FolderClassification) and not (named or part.get('ann_file'))


def _source_classes(cfg: Config) -> Sequence[str] | None:
    """Return the classes of the first source, without listing its images."""
    from mmuda.datasets import DataError

    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    sources = [part for part in _dicts(dataset.get('source', dataset)) if not {'dataset', 'datasets'} & set(part)]
    if not sources:
        return None
    try:
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
            first = DATASETS.build(dict(sources[0], pipeline=[], lazy_init=True))
        return first.class_names() if hasattr(first, 'class_names') else first.metainfo.get('classes')
    except DataError as error:
        raise UserError(
            f'{error} An evaluated set takes its classes from there; it does not where it has `metainfo.classes`'
        ) from error
