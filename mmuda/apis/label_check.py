"""What the labels of a run hold and which images its sets share, logged at its start.

Labels that nothing can be learned or scored from end the run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from mmuda.datasets.checks import innermost
from mmuda.datasets.class_histogram import class_histogram
from mmuda.datasets.class_images import ClassImages
from mmuda.datasets.errors import DataError
from mmuda.datasets.shared_files import shared_files


def check_labels(sets: Mapping[str, Any]) -> None:
    """Count the labels of a run's data sets, in one process for all.

    Args:
        sets: By `train`, `val` and `test`.

    Raises:
        DataError: In every process: the labels are of no use, or a file of them is broken.
    """
    verdict: list[str | None] = [None]
    if is_main_process():
        try:
            for mode, dataset in sets.items():
                _describe(mode, dataset)
            _describe_shared(sets)
        except DataError as error:
            verdict = [str(error)]
    broadcast_object_list(verdict)
    if verdict[0] is not None:
        raise DataError(verdict[0])


def _describe(mode: str, dataset: Any) -> None:
    title = 'sources' if mode == 'train' else f'{mode} set'
    parts = dataset.datasets[: dataset.num_sources] if hasattr(dataset, 'num_sources') else [dataset]
    try:
        histogram = class_histogram(parts)
    except DataError as error:
        if all(_is_ours(part) for one in parts for part in innermost(one)):
            raise
        print_log(f'The labels of the {title} cannot be counted: {error}', 'current', logging.WARNING)
        return
    if histogram is None:
        return
    print_log(f'Labels of the {title}: {histogram}.', 'current')
    for level, text in histogram.problems(is_source=mode == 'train'):
        if level == 'error':
            raise DataError(f'The labels of the {title} are of no use: {text}. They hold {histogram}.')
        print_log(f'The {title}: {text}.', 'current', logging.INFO if level == 'note' else logging.WARNING)


def _describe_shared(sets: Mapping[str, Any]) -> None:
    """Log which images serve two purposes."""
    train, scored = sets.get('train'), [sets[mode] for mode in ('val', 'test') if mode in sets]
    if train is None or not scored:
        return
    parts, count = getattr(train, 'datasets', [train]), getattr(train, 'num_sources', 1)
    for level, text in shared_files(dict(source=parts[:count], target=parts[count:], scored=scored)):
        print_log(f'{text}.', 'current', logging.INFO if level == 'note' else logging.WARNING)


def _is_ours(part: Any) -> bool:
    """Tell whether a set's pipeline reads labels by the rules that they are counted by; a host's may have its own."""
    return hasattr(part, 'label_table') or isinstance(part, ClassImages)
