"""Refuse a checkpoint of another model before anything is trained or scored.

mmengine loads with ``strict=False`` and merely warns, so a wrong file would train from random weights, or score them.
"""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmuda import compat

from .errors import UserError
from .foreign_weights import backbone_advice, keep_added_parts, keep_classifier, translate
from .paths import check_file

compat.apply()

READ_ERRORS = (
    RuntimeError,
    EOFError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    pickle.UnpicklingError,
)
NESTS = ('state_dict', 'model')
"""Where training codes put the weights; a plain state dict has none of these."""


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the weights in a checkpoint file, on the CPU and without a DDP prefix.

    Raises:
        UserError: The file is missing, truncated, or not a checkpoint.
    """
    return weights_of(read_checkpoint(path), path)


def weights_of(checkpoint: Mapping[str, Any], path: str | Path) -> dict[str, Tensor]:
    """Return the weights among all that a checkpoint holds."""
    state = next((checkpoint[nest] for nest in NESTS if nest in checkpoint), checkpoint)
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(
            f'checkpoint {path} holds no weights: give a file that tools/train.py wrote, or a plain state dict'
        )
    return {key.removeprefix('module.'): value for key, value in state.items()}


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Return all that a checkpoint file holds; only tensors and plain values are unpickled."""
    path = Path(path)
    check_checkpoint_file(path, 'give the path of a .pth file')
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except READ_ERRORS as error:
        if sentence := compat.names_code(path, error):
            raise UserError(sentence) from error
        reason = str(error).strip().split('\n')[0][:200] or type(error).__name__
        raise UserError(f'checkpoint {path} cannot be read ({reason}): it may be truncated; use another one') from error
    if not isinstance(checkpoint, Mapping):
        raise UserError(
            f'checkpoint {path} holds a {type(checkpoint).__name__}, no weights: give a file of tools/train.py'
        )
    return dict(checkpoint)


def check_checkpoint_file(path: str | Path, remedy: str) -> None:
    """Raise unless the path is a file with content; names the checkpoints that lie beside one that is missing.

    Args:
        path: The file.
        remedy: What to do about it.
    """
    beside = [] if Path(path).is_file() else sorted(file.name for file in Path(path).parent.glob('*.pth'))
    there = f'; there {"are" if len(beside) > 1 else "is"} {", ".join(beside[:3])}{", ..." * (len(beside) > 3)}'
    check_file(path, 'checkpoint', remedy + there * bool(beside))


def dataset_meta(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what a checkpoint knows of its data set, such as ``classes`` and ``palette``; mmseg 0.x has them in
    capitals.
    """
    meta = checkpoint.get('meta') or {}
    old = {name.lower(): meta[name] for name in ('CLASSES', 'PALETTE') if meta.get(name)}
    return dict(meta.get('dataset_meta') or old)


def check_checkpoint(model: nn.Module, path: str | Path, to_train: bool = False) -> None:
    """Raise one sentence that names the first keys that do not fit ``model``, which stays as it is.

    A UDA model takes its own checkpoints and those of its plain network; its alignment terms may be left out.
    Checkpoints of DAFormer's code base are renamed.

    Args:
        model: The model.
        path: The file.
        to_train: Whether it is the start of a training. Then a classifier for another number of classes is left out of
            it, and parts of the model that it has nothing of (neck, branches, auxiliary head) start as initialised.
    """
    fit_weights(model, read_state(path), path, to_train)


def load_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Load the weights into ``model`` if they pass :func:`check_checkpoint`."""
    load_weights(model, read_state(path), path)


def load_weights(model: nn.Module, state: dict[str, Tensor], path: str | Path) -> None:
    """Load weights that were read from a checkpoint's file as :func:`load_checkpoint` does."""
    model.load_state_dict(fit_weights(model, state, path)[0], strict=False)


def fit_weights(
    model: nn.Module, state: dict[str, Tensor], path: str | Path, to_train: bool = False
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the weights in the names of ``model``, and what there is to say about them; see :func:`check_checkpoint`.

    Raises:
        UserError: They are of another model.
    """
    try:
        fitting, notes = translate(model, state)
    except KeyError as error:
        raise UserError(f'checkpoint {path}: {error.args[0]}') from error
    if to_train:
        for complete in (keep_classifier, keep_added_parts):
            fitting, more = complete(model, fitting)
            notes = notes + more
    _check(model, fitting, path)
    return fitting, notes


def unused_weights(module: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Return keys that loading ``state`` would leave unused; ``module`` stays as it is.

    Raises:
        RuntimeError: Shapes that differ.
    """
    return _try_loading(module, state)[1]


def _try_loading(module: nn.Module, state: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Load what fits; return the missing and the unexpected keys."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='.*non-meta parameter')
        return _without_values(module).load_state_dict(dict(state), strict=False)


def _check(model: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    try:
        missing, unexpected = _try_loading(model, state)
    except RuntimeError as error:
        raise UserError(
            f'checkpoint {path} does not fit the model: {first_reason(error)}{backbone_advice(state)}'
        ) from error
    problems = {'lacks': _relevant(missing), 'has unknown': _relevant(unexpected)}
    found = [f'it {what} {_listed(keys)}' for what, keys in problems.items() if keys]
    if found:
        raise UserError(
            f'checkpoint {path} is of another model than {type(model).__name__}: {"; ".join(found)}; '
            f'use the config it was trained with{_advice(state)}'
        )


def _without_values(model: nn.Module) -> nn.Module:
    """Return a copy that has all of the model's rules for loading, but no values: its tensors have shapes only."""
    memo = {}
    for tensor in (*model.parameters(), *model.buffers()):
        empty = torch.empty_like(tensor, device='meta')
        memo[id(tensor)] = nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
    return copy.deepcopy(model, memo)


def _relevant(keys: list[str]) -> list[str]:
    return [key for key in keys if not key.endswith('num_batches_tracked') and not key.startswith('terms.')]


def _listed(keys: list[str]) -> str:
    return f'{len(keys)} tensors ({", ".join(keys[:3])}{", ..." if len(keys) > 3 else ""})'


def _advice(state: Mapping[str, Tensor]) -> str:
    if any(key.startswith('student.') for key in state):
        return ', or take the plain network out of it with tools/analysis_tools/extract_network.py'
    return backbone_advice(state)


def first_reason(error: RuntimeError) -> str:
    """Shorten torch's message, which lists every tensor of another size; our own models say it in one sentence."""
    mismatch = re.search(
        r'size mismatch for (\S+): copying a param with shape (?:torch\.Size\()?(.+?)\)? from checkpoint, '
        r'the shape in current model is (?:torch\.Size\()?(\[.*?\])',
        str(error),
    )
    if mismatch is None:
        return str(error)
    key, found, wanted = mismatch.groups()
    return f'{key} has shape {found} where the model wants {wanted}; use the config it was trained with'
