"""The parts of a UDA model from their configs, and the names of what its terms return."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmuda.domain import DOMAINS
from mmuda.registry import MODELS, build_own

from ..labellers import Labeller


def with_num_classes(terms: dict[str, dict | None], count: int | None) -> dict[str, dict | None]:
    """Give the student's number of classes to terms that must know it, and do not say it."""
    return {name: dict(num_classes=count) | cfg if _lacks_classes(cfg) else cfg for name, cfg in terms.items()}


def _lacks_classes(cfg: dict | nn.Module | None) -> bool:
    if not isinstance(cfg, dict) or 'num_classes' in cfg:
        return False
    with DefaultScope.overwrite_default_scope('mmuda'):
        kind = MODELS.get(cfg['type']) if isinstance(cfg['type'], str) else cfg['type']
    parameter = kind and inspect.signature(kind).parameters.get('num_classes')
    return bool(parameter) and parameter.default is parameter.empty


def build_parts(argument: str, configs: dict[str, dict | None], kind: type) -> nn.ModuleDict:
    """Build the parts of one argument by their names; those that are None are left out."""
    parts = nn.ModuleDict()
    for name, cfg in configs.items():
        if 'loss' in name:
            raise ValueError(
                f"{argument}[{name!r}] has 'loss' in its name, and mmengine sums every key with it: rename it."
            )
        if cfg is not None:
            part = cfg if isinstance(cfg, nn.Module) else build_own(MODELS, cfg)
            if not isinstance(part, kind):
                raise TypeError(f'{argument}[{name!r}] is a {type(part).__name__}, which is no {kind.__name__}.')
            parts[name] = part
    return parts


def build_labeller(cfg: dict | nn.Module | None, model: str, networks: Sequence[str]) -> Labeller | None:
    """Build the labeller of a ``model`` that has these networks.

    Raises:
        TypeError: It is no labeller.
        ValueError: It asks a network that the model has not.
    """
    if cfg is None:
        return None
    labeller = cfg if isinstance(cfg, nn.Module) else build_own(MODELS, cfg)
    if not isinstance(labeller, Labeller):
        raise TypeError(f'labeller is a {type(labeller).__name__}, which is no Labeller.')
    if labeller.network not in (None, *networks):
        raise ValueError(
            f"{type(labeller).__name__} asks the {labeller.network}, which {model} has not: use type='SelfTrainingUDA'."
        )
    return labeller


def named_losses(term: str, returned: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put what a term returned under the keys of the log."""
    named = {}
    for key, value in returned.items():
        head, _, part = key.partition('_')
        if head == 'loss':
            named[f'loss_{term}_{part}' if part else f'loss_{term}'] = value
        elif 'loss' in key:
            raise ValueError(
                f"terms[{term!r}] returned {key!r}, which is no 'loss' but would be added to the total by its name: "
                "add it to 'loss' if it is to be trained, and log it under a name without 'loss'."
            )
        else:
            named[key if term in DOMAINS else f'{term}.{key}'] = value
    return named


def summed_losses(losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what is trained, and all that is logged: as mmengine's ``parse_losses``, in as few operations as it takes.

    A number is its own mean. Every key with ``loss`` in it is added to the total.

    Raises:
        TypeError: A value that is no tensor.
    """
    for name, value in losses.items():
        if not isinstance(value, Tensor):
            raise TypeError(f'{name} of a training step is a {type(value).__name__}: terms return tensors.')
    log = {name: value.mean() if value.dim() else value for name, value in losses.items()}
    first, *others = (value for name, value in log.items() if 'loss' in name)
    for value in others:
        first = first + value
    return first, dict(loss=first) | log
