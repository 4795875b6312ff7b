"""Say where images are shown to a network otherwise than in the validations of its training.

A training by ``--cfg-options "crop_size=(160,224)"`` validates at that size, and the config file alone says another.
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmuda.datasets.label_free import is_label_loader
from mmuda.datasets.own_readers import is_image_loader

from .tta import datasets_of

FORMATTERS = ('PackSegInputs', 'PackInputs')
VIEWS = 'TestTimeAug'


def note_other_pipeline(cfg: Config, checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """Warn if the config's test images go through other steps than those of the checkpoint's training.

    Loading and packing do not count; nor do test-time augmentation and checkpoints that do not know their config.
    """
    trained = trained_pipeline(checkpoint)
    if trained is None or cfg.get('test_dataloader') is None:
        return
    given = next(datasets_of(cfg.test_dataloader.dataset))['pipeline']
    ours, theirs = list(_steps(given)), list(_steps(trained))
    if ours != theirs and not any(step.startswith(VIEWS) for step in ours):
        print_log(
            f'In the training of {path} test images went through {_listed(theirs)}, by this config they go through '
            f'{_listed(ours)}: unless that is meant, give the config in the work directory of the training, which has '
            'the options of its command line.',
            'current',
            logging.WARNING,
        )


def trained_pipeline(checkpoint: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """Return the test pipeline in the config that a checkpoint keeps as text; nothing of the text is run."""
    text = (checkpoint.get('meta') or {}).get('cfg')
    try:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == 'test_dataloader':
                return next(datasets_of(_value(node.value)['dataset']))['pipeline']
    except (TypeError, ValueError, SyntaxError, LookupError, StopIteration):
        pass  # a config of another code base, or none
    return None


def _value(node: ast.expr) -> Any:
    """Return the value of an expression of literals and ``dict(...)``, as mmengine writes configs."""
    if isinstance(node, ast.Call) and getattr(node.func, 'id', None) == 'dict' and not node.args:
        return {keyword.arg: _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(part) for part in node.elts]
    if isinstance(node, ast.Dict):
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values)}
    return ast.literal_eval(node)


def _steps(pipeline: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the steps that change an image, such as ``Resize(keep_ratio=True, scale=(480, 360))``."""
    for step in pipeline:
        name = str(step['type']).rpartition('.')[2]
        if is_image_loader(step['type']) or is_label_loader(step['type']) or name in FORMATTERS:
            continue
        options = (f'{key}={_plain(value)!r}' for key, value in sorted(step.items()) if key != 'type')
        yield f'{name}({", ".join(options)})'


def _plain(value: Any) -> Any:
    """Return a value with tuples for lists, of which configs may have either."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in sorted(value.items())}
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _listed(steps: Sequence[str]) -> str:
    return ', '.join(steps) or 'no step that changes them'
