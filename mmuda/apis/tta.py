"""Test-time augmentation: a pipeline makes several views of a test image, and a model merges what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from mmuda.datasets.label_free import is_label_loader
from mmuda.datasets.own_readers import is_image_loader

from .errors import UserError


def enable_tta(cfg: Config) -> None:
    """Let a test see several views of each image, which ``tta_model`` merges.

    Raises:
        UserError: See :func:`augmented`.
    """
    for dataset in datasets_of(cfg.test_dataloader.dataset):
        dataset['pipeline'] = augmented(cfg, dataset['pipeline'])
    cfg.model = dict(cfg.tta_model, module=cfg.model)


def augmented(cfg: Config, pipeline: Sequence[Mapping[str, Any]]) -> list[dict]:
    """Return the config's ``tta_pipeline``, else a segmentor's test pipeline with its ``tta_views``.

    Raises:
        UserError: The config does not say which views, or what merges them.
    """
    if not cfg.get('tta_model'):
        raise UserError('--tta needs tta_model in the config, such as configs/_base_/default_runtime.py has')
    if cfg.get('tta_pipeline'):
        return cfg.tta_pipeline
    if not str(pipeline[-1].get('type')).endswith('PackSegInputs') or not cfg.get('tta_views'):
        raise UserError(
            '--tta needs tta_pipeline in the config, or of a segmentor tta_views: for ten crops of a classifier see '
            'configs/_base_/datasets/classification_224.py'
        )
    return scaled_and_mirrored(pipeline, *scales_and_flip(cfg.tta_views))


def scales_and_flip(tta_views: Any) -> tuple[Sequence[float], bool]:
    """Read ``tta_views``.

    Raises:
        UserError: It says something else, too, or no scale.
    """
    views = dict(tta_views) if isinstance(tta_views, Mapping) else dict(none=tta_views)
    scales, flip = views.pop('scales', (1.0,)), views.pop('flip', False)
    if views or not isinstance(flip, bool) or not _positive(scales):
        raise UserError(f'tta_views={tta_views} is not of the form dict(scales=(0.5, 1.0), flip=True): mend it')
    return scales, flip


def scaled_and_mirrored(pipeline: Sequence[Mapping[str, Any]], scales: Sequence[float], flip: bool) -> list[dict]:
    """Return a test pipeline that makes views of each image: all scales of its size, and mirror images of all.

    Label maps are loaded behind that, as they are.
    """
    before, resize, after = _around_resize(list(pipeline))
    loaders = [step for step in before if is_image_loader(step['type'])]
    labels = [step for step in before if is_label_loader(step['type'])]
    others = [step for step in before if step not in loaders and step not in labels]
    flips = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')]
    views = [[_scaled(resize, scale) for scale in scales], flips[: 1 + flip]]
    single = [[step] for step in (*labels, *after)]
    return [*loaders, *others, dict(type='TestTimeAug', transforms=[*views, *single])]


def datasets_of(dataset: Any) -> Iterator[Any]:
    """Yield the configs with a pipeline in a data set's config: its own, or those of the sets inside."""
    if 'pipeline' in dataset:
        yield dataset
        return
    inner = dataset.get('dataset') or dataset.get('datasets')
    for part in [inner] if isinstance(inner, Mapping) else inner:
        yield from datasets_of(part)


def _around_resize(pipeline: list) -> tuple[list, Mapping[str, Any], list]:
    """Return the steps before it, the step, those behind; where there is none, one that keeps the size behind the
    loading.
    """
    for index, step in enumerate(pipeline):
        if str(step['type']).rpartition('.')[2] == 'Resize':
            return pipeline[:index], step, pipeline[index + 1 :]
    index = sum(is_image_loader(step['type']) for step in pipeline)
    return pipeline[:index], dict(type='Resize', scale_factor=1.0, keep_ratio=True), pipeline[index:]


def _scaled(resize: Mapping[str, Any], factor: float) -> dict:
    """Return a resize to so many times its size."""
    key = 'scale' if resize.get('scale') else 'scale_factor'
    value = resize[key]
    sides = value if isinstance(value, (list, tuple)) else (value, value)
    return {**resize, key: tuple(factor * side if key == 'scale_factor' else round(factor * side) for side in sides)}


def _positive(scales: Any) -> bool:
    return isinstance(scales, (list, tuple)) and len(scales) > 0 and all(_is_number(s) and s > 0 for s in scales)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
