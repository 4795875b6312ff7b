"""Does a model fit its data's classes: heads, terms and losses that count them, and what all call ignored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from .errors import UserError

LABEL_IGNORE = 255
"""What mmuda's data sets write where a pixel has no class."""
OTHER_LABELS = ('STDCHead', 'VPDDepthHead')
"""Heads of mmseg that learn boundaries or depths, not the data's classes."""


def check_model_classes(model: nn.Module, classes: Sequence[str], data: str) -> None:
    """Check that all parts with ``num_classes``, ``class_weight`` or ``classes`` fit the data's number of classes.

    Args:
        model: The model, with or without a wrapper of ours.
        classes: Names of the classes.
        data: What an error calls the data.
    """
    has = f'{data} has {len(classes)} classes ({", ".join(classes[:3])}{", ..." * (len(classes) > 3)})'
    for name, module in _parts(model):
        found = getattr(module, 'num_classes', None)
        if _is_count(found) and found != len(classes):
            raise UserError(
                f'{name} has num_classes={found}, but {has}: set num_classes={len(classes)} in every head and term of '
                'the model, or give the data the class list that was meant'
            )
        weight = getattr(module, 'class_weight', None)
        if hasattr(weight, '__len__') and len(weight) not in _weights(model, name, len(classes)):
            raise UserError(
                f'{name} ({type(module).__name__}) has a class_weight of {len(weight)} numbers, but {has}: give one '
                'number a class'
            )
        chosen = getattr(module, 'classes', None)
        if isinstance(chosen, Tensor) and int(chosen.max()) >= len(classes):
            raise UserError(
                f'{name} ({type(module).__name__}) is for class {int(chosen.max())}, counted from 0, but {has}: '
                'give its `classes` numbers of these'
            )


def _weights(model: nn.Module, name: str, num_classes: int) -> tuple[int, ...]:
    """Tell how many class weights a loss may have: heads that classify masks have one more, of no object."""
    student = getattr(model, 'student', model)
    head = getattr(student, name.split('.')[0], None)
    of_masks = any(hasattr(head, attribute) for attribute in ('match_masks', 'num_queries'))
    return (num_classes, num_classes + 1) if of_masks else (num_classes,)


def check_largest_class(model: nn.Module, largest: int, data: str) -> None:
    """Refuse a class number that the heads lack, in data without names of classes, such as lists of class numbers."""
    for name, module in _parts(model):
        found = getattr(module, 'num_classes', None)
        if _is_count(found) and largest >= found:
            raise UserError(
                f'{name} has num_classes={found}, but {data} has an image of class {largest}, counted from 0: set '
                f'num_classes={largest + 1} or more in every head and term of the model'
            )


def check_ignored(model: nn.Module, ignored: dict[str, int]) -> None:
    """Refuse padding and ignored pixels of another number than the heads ignore: it would be a class, or none.

    Args:
        model: The model.
        ignored: What the data call ignored, and its number.
    """
    padding = getattr(getattr(getattr(model, 'student', model), 'data_preprocessor', None), 'seg_pad_val', None)
    if padding is not None:
        ignored = {**ignored, 'seg_pad_val of its data_preprocessor': padding}
    for name, module in _parts(model):
        head = getattr(module, 'ignore_index', None)
        if not hasattr(module, 'loss_decode') or head is None:
            continue
        for where, number in ignored.items():
            if number != head:
                raise UserError(
                    f'{name} has ignore_index={head}, but {where} has {number}, which would be trained on as a class: '
                    "give both the same number. mmuda's data sets mark ignored pixels with 255; to ignore an id of the "
                    "label files, map it to 'ignore' in `class_map`, or set `reduce_zero_label=True` for id 0"
                )


def _parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield heads, terms and what is in them, each once: a teacher is a copy, a backbone has classes of its own."""
    for name, module in model.named_modules():
        places = name.split('.')
        outer = name in ('', 'student') or places[0] == 'teacher' or type(module).__name__ in OTHER_LABELS
        if not outer and not {'backbone', 'data_preprocessor'} & set(places):
            yield name.removeprefix('student.'), module


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
