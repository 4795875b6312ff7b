"""Say where images are shown to a network otherwise than in the validations of its training.

A training by ``--cfg-options "crop_size=(160,224)"`` validates at that size, and the config file alone says another.
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmuda.datasets.label_free import is_label_loader
from mmuda.datasets.own_readers import is_image_loader, type_name

from .tta import datasets_of

FORMATTERS = ('PackSegInputs', 'PackInputs')
VIEWS = 'TestTimeAug'


def note_other_pipeline(cfg: Config, checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """Warn if the config's test images go through other steps than those of the checkpoint's training.

    Loading and packing do not count; nor do test-time augmentation and checkpoints that do not know their config.
    """
    ours, theirs = _steps_of(cfg.get('test_dataloader')), _steps_of(_trained_dataloader(checkpoint))
    if None not in (ours, theirs) and ours != theirs and VIEWS not in dict(ours):
        print_log(
            f'In the training of {path} test images went through {_listed(theirs)}, by this config they go through '
            f'{_listed(ours)}: unless that is meant, give the config in the work directory of the training, which has '
            'the options of its command line.',
            'current',
            logging.WARNING,
        )


def _trained_dataloader(checkpoint: Mapping[str, Any]) -> Any:
    """Return the `test_dataloader` in the config that a checkpoint keeps as text; nothing of the text is run.

    None: it keeps no config, or one that mmengine has not written, of which nothing is known.
    """
    try:
        settings = {
            getattr(node.targets[0], 'id', None): node.value
            for node in ast.parse(checkpoint['meta']['cfg']).body
            if isinstance(node, ast.Assign)
        }
        return _value(settings['test_dataloader'])
    except (TypeError, ValueError, SyntaxError, LookupError):
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


def _steps_of(dataloader: Any) -> list[tuple[str, dict]] | None:
    """Return names and options of the steps that change an image; None where there is no pipeline."""
    try:
        pipeline = next(datasets_of(dataloader['dataset']), {})['pipeline']
        return [
            (type_name(step['type']), {key: _plain(value) for key, value in step.items() if key != 'type'})
            for step in pipeline
            if not (is_image_loader(step['type']) or is_label_loader(step['type']))
            and type_name(step['type']) not in FORMATTERS
        ]
    except (AttributeError, LookupError, TypeError):
        return None  # a data set that has its steps elsewhere


def _plain(value: Any) -> Any:
    """Return a value with tuples for lists, of which configs may have either."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _listed(steps: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Tell of steps such as ``Resize(keep_ratio=True, scale=(480, 360))``."""
    shown = (
        f'{name}({", ".join(f"{key}={value!r}" for key, value in sorted(options.items()))})' for name, options in steps
    )
    return ', '.join(shown) or 'no step that changes them'
