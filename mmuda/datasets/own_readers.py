"""Let a stock pipeline read files by the rules of `mmuda.datasets.reading`.

mmcv's `LoadImageFromFile` fills a truncated JPEG with grey and knows no more than four bands; mmseg's `LoadAnnotations`
ignores orientation tags, takes colours for ids, and checks neither ids nor sizes. For files that both understand they
load what ours load.
"""

from __future__ import annotations

from typing import Any

from .listing import log_once
from .reading import COLOR_TYPES

IMAGE_OPTIONS = {'type', 'color_type', 'to_float32', 'backend_args', 'imdecode_backend'}
LABEL_OPTIONS = {'type', 'backend_args', 'imdecode_backend'}


def use_own_readers(pipeline: Any) -> Any:
    """Return a copy of a pipeline's config, however nested, in which our steps stand for stock steps that load files.

    Steps with an option that ours do not have, such as `imdecode_backend='tifffile'`, stay.
    """
    if isinstance(pipeline, (list, tuple)):
        return type(pipeline)(use_own_readers(step) for step in pipeline)
    if not isinstance(pipeline, dict):
        return pipeline
    step = {key: use_own_readers(value) for key, value in pipeline.items()}
    for stock, own, replaces in (
        ('LoadImageFromFile', 'mmuda.LoadImage', _is_our_image_step),
        ('LoadAnnotations', 'mmuda.LoadLabel', _is_our_label_step),
    ):
        if type_name(step.get('type')) == stock and replaces(step):
            step.pop('imdecode_backend', None)
            log_once(f'{own} stands for {stock}, by the rules of docs/datasets.md.')
            return dict(step, type=own)
    return step


def is_image_loader(kind: Any) -> bool:
    """Tell whether a transform's type (a name, with or without scope, or a class) loads images."""
    return type_name(kind).startswith('Load') and 'Image' in type_name(kind)


def is_stock_loader(step: Any) -> bool:
    """Tell whether a built step is mmcv's `LoadImageFromFile` with options that ours has: it loads what ours does."""
    return (
        type_name(type(step)) == 'LoadImageFromFile'
        and step.color_type in COLOR_TYPES
        and step.imdecode_backend == 'cv2'
    )


def _is_our_image_step(step: dict) -> bool:
    return (
        set(step) <= IMAGE_OPTIONS
        and step.get('color_type', 'color') in COLOR_TYPES
        and step.get('imdecode_backend', 'cv2') == 'cv2'
    )


def _is_our_label_step(step: dict) -> bool:
    return set(step) <= LABEL_OPTIONS and step.get('imdecode_backend', 'pillow') == 'pillow'


def type_name(kind: Any) -> str:
    """Return the name of a transform's type (a name, with or without scope, or a class) without its scope."""
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return name.rpartition('.')[2]
