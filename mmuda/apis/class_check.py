"""The classes of the training set are the classes of validation, test, model and checkpoint: checked before a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmuda.datasets.checks import compare_classes, innermost
from mmuda.datasets.class_images import ClassImages

from .errors import UserError
from .label_check import check_labels
from .model_check import LABEL_IGNORE, check_ignored, check_largest_class, check_model_classes
from .start_weights import bare_model


class ClassCheckHook(Hook):
    """Checks data sets against each other and the model against them, and says what they hold and share.

    Args:
        classes: Of the checkpoint that is scored or resumed; None where there is none, or it does not know.
    """

    priority = 'VERY_HIGH'

    def __init__(self, classes: Sequence[str] | None = None) -> None:
        self.classes = classes

    def before_run(self, runner: Runner) -> None:
        """Check all classes, once the data sets are built and before anything is trained or scored.

        Raises:
            DataError, UserError: One sentence with both numbers, or both names.
        """
        sets = {mode: found for mode in ('train', 'val', 'test') if (found := _dataset(runner, mode)) is not None}
        name, classes = 'the checkpoint', self.classes
        for mode, dataset in sets.items():
            own = _classes(dataset)
            if own is None:
                _check_nameless(runner, mode, dataset)
            elif classes is None:
                name, classes = f'the {mode} set', own
            else:
                compare_classes(list(classes), own, name, f'the {mode} set')
        model = bare_model(runner)
        if classes is not None:
            check_model_classes(model, classes, name)
        for mode, dataset in sets.items():
            if mode == 'train':
                check_ignored(model, dict(_ignored(dataset)))
            else:
                _check_scores(runner, mode, dataset)
        check_labels(sets)


def _check_nameless(runner: Runner, mode: str, dataset: Any) -> None:
    """Refuse label maps without names of classes; class numbers do without."""
    parts = innermost(dataset)
    if all(isinstance(part, ClassImages) for part in parts):
        largest = max((max(part.class_numbers(), default=0) for part in parts if part.labelled), default=0)
        check_largest_class(bare_model(runner), largest, f'the {mode} set')
    elif mode != 'train' and any('seg_map_path' in getattr(part, 'data_prefix', {}) for part in parts):
        raise UserError(
            f'the {mode} set ({type(parts[0]).__name__}) has label maps and no class list: give it the `class_map` or '
            'the `metainfo.classes` of the training set'
        )


def _dataset(runner: Runner, mode: str) -> Any:
    """Return the data set of a loop that is built."""
    loop = getattr(runner, f'_{mode}_loop')
    return getattr(getattr(loop, 'dataloader', None), 'dataset', None)


def _classes(dataset: Any) -> list[str] | None:
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    return None if classes is None else list(classes)


def _ignored(dataset: Any) -> Iterator[tuple[str, int]]:
    """Yield what a training set marks ignored pixels and padding with."""
    parts = innermost(dataset)
    if any(hasattr(part, 'label_table') for part in parts):
        yield 'the train set', LABEL_IGNORE
    if hasattr(dataset, 'num_sources') and len(dataset.datasets) > dataset.num_sources:
        yield 'a target image (ignore_index of mmuda.DomainDataset)', dataset.ignore_index
    for part in parts:
        for step in getattr(getattr(part, 'pipeline', None), 'transforms', ()):
            padding = getattr(step, 'seg_pad_val', None)
            pad_val = getattr(step, 'pad_val', None)
            padding = pad_val.get('seg') if isinstance(pad_val, dict) else padding
            if padding is not None:
                yield f'the padding of {type(step).__name__} in a pipeline', padding


def _check_scores(runner: Runner, mode: str, dataset: Any) -> None:
    """Refuse a metric that scores what the labels of our own sets mark as ignored."""
    evaluator = getattr(getattr(runner, f'_{mode}_loop'), 'evaluator', None)
    for metric in getattr(evaluator, 'metrics', ()):
        found = getattr(metric, 'ignore_index', LABEL_IGNORE)
        if found != LABEL_IGNORE and any(hasattr(part, 'label_table') for part in innermost(dataset)):
            raise UserError(
                f'{mode}_evaluator ({type(metric).__name__}) has ignore_index={found}, but ignored pixels of the '
                f'{mode} set have {LABEL_IGNORE}: leave it out'
            )
