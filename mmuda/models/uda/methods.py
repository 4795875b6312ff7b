"""Several methods in one model: their configs, merged key by key; and where keys of earlier versions went."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from mmuda.registry import MODELS

MOVED = {
    'coordination': 'terms.target.weight',
    'pseudo_labeler': 'labeller',
    'pseudo_labeler.confidence_threshold': 'labeller.threshold',
    'pseudo_labeler.confidence_reduction': 'labeller.confidence',
    'student_view': 'views.target',
    'student_view.domains': 'views.target.of',
    'labeler': 'labeller',
    'weight_u': 'terms.target.loss_weight',
    'include_source': 'labeller.include_source',
    'joint': 'passes',
    'pseudo_norm': 'labeller.norm',
    'pseudo_noise': 'labeller.noise',
}
"""Arguments of a model by their former dotted names, and what they are now."""
SET_BY_HOSTS = ('pretrained', 'train_cfg')
"""Arguments that mmseg's ``init_model`` sets to None in whatever model it builds."""


def moved_key(key: str) -> str | None:
    """Tell where a dotted argument is today: ``terms.target.weight.alpha`` for ``coordination.alpha``."""
    for old in sorted(MOVED, key=len, reverse=True):
        if key == old or key.startswith(f'{old}.'):
            return MOVED[old] + key[len(old) :]
    return None


@MODELS.register_module(name='FixMatchUDA')
def refuse_fixmatch(**_) -> None:
    """Say what a model of earlier versions is now."""
    raise ValueError(
        "type='FixMatchUDA' is no model any more: set type='UDAModel' with the labeller, views and terms of "
        'configs/_base_/methods/fixmatch.py.'
    )


def with_methods(init: Callable) -> Callable:
    """Let a model's constructor take ``methods``: configs of arguments, beside which its own win.

    What a host sets to None in every model is taken and dropped.
    """

    @wraps(init)
    def wrapper(self, *args, methods: Sequence[Mapping] = (), **options) -> None:
        options = join_methods(methods, options)
        options = {key: value for key, value in options.items() if value is not None or key not in SET_BY_HOSTS}
        for key in options:
            if moved_key(key):
                raise ValueError(
                    f'{type(self).__name__} has no {key!r} any more: set model.{moved_key(key)} '
                    '(docs/architecture.md shows how a step is configured).'
                )
        init(self, *args, **options)

    parameters = list(inspect.signature(init).parameters.values())
    own = inspect.Parameter('methods', inspect.Parameter.KEYWORD_ONLY, default=())
    place = len(parameters) - (parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    wrapper.__signature__ = inspect.Signature([*parameters[:place], own, *parameters[place:]])
    return wrapper


def join_methods(methods: Sequence[Mapping], beside: Mapping[str, Any]) -> dict[str, Any]:
    """Join all methods' keys to one dict, then put ``beside`` over them.

    Raises:
        ValueError: Two methods with different values for one key.
    """
    joined: dict[str, Any] = {}
    for method in methods:
        joined = _merge(joined, method, '', strict=True)
    return _merge(joined, beside, '', strict=False)


def _merge(base: Mapping, other: Mapping, path: str, strict: bool) -> dict:
    result = dict(base)
    for key, value in other.items():
        mine = result.get(key)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            result[key] = _merge(mine, value, f'{path}{key}.', strict)
        elif strict and key in result and mine != value:
            raise ValueError(
                f'Two methods differ in {path}{key}: {mine!r} and {value!r}. Say which beside methods=, where it wins.'
            )
        else:
            result[key] = value
    return result
