"""Reading a config so that a mistyped key is an error instead of silence.

mmengine keeps every name of a config file and ignores those it does not know. Here a top-level name must be a setting
of the runner or be used by an expression in the chain of files; once used, such variables are dropped, so a config that
was written to a work directory reads back cleanly.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from .errors import UserError, did_you_mean

SETTINGS = frozenset(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    'runner_type',
    'custom_imports',
    'model_wrapper_cfg',
    'find_unused_parameters',
    'sync_bn',
    'compile',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'tta_model',
    'tta_pipeline',
}


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file, merge ``--cfg-options`` and refuse names that nobody reads.

    Args:
        path: The config file.
        options: Dotted keys and their values.

    Raises:
        UserError: The file is missing or broken, or a key has no reader.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'config file {path} does not exist: give the path of a file such as configs/stct/gta2cs.py')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:
        raise UserError(
            f'config file {path} cannot be read ({type(error).__name__}: {error}): mend the file'
        ) from error
    _check_names(path)
    for key in [key for key in cfg if key not in SETTINGS]:
        _refuse_variable(key, options or {}, path)
        cfg.pop(key)
    _merge(cfg, options or {})
    return cfg


def _refuse_variable(key: str, options: Mapping[str, Any], path: Path) -> None:
    for option in options:
        if option.split('.')[0] == key:
            raise UserError(
                f"'{option}' cannot be set by --cfg-options: '{key}' is a variable of {path} that was used when the "
                'file was read; set the keys made from it, for example model.coordination.alpha'
            )


def _merge(cfg: Config, options: Mapping[str, Any]) -> None:
    for option in options:
        top = option.split('.')[0]
        if top not in SETTINGS:
            raise UserError(
                f"unknown config key '{option}' in --cfg-options: no part of a run reads '{top}'"
                + did_you_mean(top, SETTINGS)
            )
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError) as error:
        raise UserError(f'--cfg-options {" ".join(options)} does not fit the config: {error}') from error


def _check_names(path: Path) -> None:
    """Every name assigned at the top of a file must be a setting or be read somewhere in the chain."""
    files = list(_chain(path))
    from_children = {name for _, tree in files for name in _base_reads(tree)}
    for file, tree in files:
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        for name in _assigned(tree):
            if name not in SETTINGS | read | from_children and not name.startswith('_'):
                raise UserError(
                    f"unknown config key '{name}' in {file}: no part of a run reads it, and no expression uses it as a "
                    f'variable{did_you_mean(name, SETTINGS)}'
                )


def _chain(path: Path) -> Iterator[tuple[Path, ast.Module]]:
    """The file and all that it inherits from; those of installed packages (``mmseg::…``) are not ours to judge."""
    if path.suffix != '.py':
        return
    try:
        tree = ast.parse(path.read_text(encoding='utf-8'))
    except SyntaxError:  # a placeholder like {{ $NAME:1 }}, which mmengine fills in
        return
    yield path, tree
    for base in _bases(tree):
        if '::' not in base:
            yield from _chain(path.parent / base)


def _bases(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == '_base_':
            bases = ast.literal_eval(node.value)
            return [bases] if isinstance(bases, str) else list(bases)
    return []


def _assigned(tree: ast.Module) -> list[str]:
    return [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def _base_reads(tree: ast.Module) -> Iterator[str]:
    """Names read as ``_base_.name``, ``_base_['name']`` or, in a string, ``{{_base_.name}}``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, 'id', None) == '_base_':
            yield node.attr
        elif isinstance(node, ast.Subscript) and getattr(node.value, 'id', None) == '_base_':
            yield getattr(node.slice, 'value', '')
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and '_base_.' in node.value:
            yield node.value.partition('_base_.')[2].split('.')[0].rstrip('} ')
