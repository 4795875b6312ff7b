"""Reading a config so that a mistyped key is an error instead of silence.

mmengine keeps every name of a config file and ignores those it does not know. Here a top-level name is a setting of the
runner or a variable of the config. Variables can be set by ``--cfg-options`` like settings; once used they are dropped,
so a config that was written to a work directory reads back cleanly.
"""

from __future__ import annotations

import ast
import inspect
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmuda import compat

from .errors import UserError, did_you_mean
from .options import merge_options
from .variables import (
    ConfigFile,
    assigned_names,
    base_names,
    base_path,
    config_path,
    variables_among,
    with_variables,
)

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
    'tta_views',
}
INNER_SETTINGS = frozenset(
    ('lr', 'batch_size', 'num_workers', 'max_iters', 'max_epochs', 'val_interval', 'interval', 'seed', 'num_classes')
)
"""Names that are read below a setting."""
VARIABLE = re.compile(r"""\{\{['"]?\s*\$(\w+)\s*:\s*(\S*?)\s*['"]?\}\}""")
"""A value from the environment in a config, ``{{$NAME:default}}``, as mmengine finds it."""


def load_part(path: str | Path) -> Config:
    """Read a file of our own that configs inherit, such as a method's: its values, whoever reads them.

    Raises:
        UserError: The file is missing or no Python file.
    """
    list(_chain(Path(path)))
    return Config.fromfile(path)


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file, merge ``--cfg-options`` and refuse names that nobody reads.

    Args:
        path: The config file; ``mmuda::stct/gta2cs.py`` is one of ours, also where there is no checkout.
        options: Dotted keys and their values.

    Raises:
        UserError: The file is missing or broken, or a key has no reader.
    """
    path, options = config_path(path), dict(options or {})
    compat.apply()
    files = list(_chain(path))
    _check_environment(files)
    cfg = _evaluated(files, {})
    variables = variables_among(options, files, SETTINGS, cfg)
    if variables:
        cfg = _evaluated(files, variables)
    _check_names(files)
    for key in [key for key in cfg if key not in SETTINGS]:
        cfg.pop(key)
    options = {key: value for key, value in options.items() if key not in variables}
    _check_options(options)
    merge_options(cfg, options)
    return cfg


def _evaluated(files: Sequence[ConfigFile], variables: Mapping[str, Any]) -> Config:
    """Return the config as mmengine reads it, with other values of some variables."""
    path = files[0].path
    try:
        if not variables:
            return Config.fromfile(path)
        with tempfile.TemporaryDirectory() as folder:
            cfg = Config.fromfile(with_variables(files, variables, Path(folder)))
        object.__setattr__(cfg, '_filename', str(path))  # what runs are called after
        return cfg
    except Exception as error:
        given = f' or the variables {", ".join(variables)} in --cfg-options' if variables else ''
        raise UserError(
            f'config file {path} cannot be read ({type(error).__name__}: {error}): mend the file'
            f'{given}{_set_variables(files)}'
        ) from error


def _check_options(options: Mapping[str, Any]) -> None:
    for option in options:
        top = option.split('.')[0]
        if top not in SETTINGS:
            raise UserError(
                f"unknown config key '{option}' in --cfg-options: no part of a run reads '{top}'"
                + did_you_mean(top, SETTINGS)
            )


def _check_names(files: Sequence[ConfigFile]) -> None:
    """Refuse a name at the top of a file that is no setting, not read in the chain and not clearly a helper."""
    settings = {name for file in files for name in assigned_names(file.tree)} & SETTINGS
    whole = 'model' in settings or not settings  # else it is a part, such as data, whose variables a model may read
    from_children = {name for file in files for name in _base_reads(file.tree)}
    for number, (path, _, tree) in enumerate(files):
        read = _loads(tree)
        for name in assigned_names(tree):
            if name in SETTINGS | read | from_children or name.startswith('_'):
                continue
            if any(name in assigned_names(base.tree) and name in _loads(base.tree) for base in files[number + 1 :]):
                raise UserError(
                    f"unknown config key '{name}' in {path}: a base has used its own '{name}' already; set the keys "
                    f'made from it, or give --cfg-options {name}=VALUE'
                )
            if _is_setting(name, tree) or (number == 0 and whole and name in INNER_SETTINGS):
                raise UserError(
                    f"unknown config key '{name}' in {path}: no part of a run reads it, and no expression uses it as a "
                    f'variable{did_you_mean(name, SETTINGS)}'
                )
            if number == 0 and whole:
                print_log(f"Nothing reads '{name}' of {path}.", 'current', logging.WARNING)


def _loads(tree: ast.Module) -> set[str]:
    """Return names that expressions of a file use."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _is_setting(name: str, tree: ast.Module) -> bool:
    """Tell whether a name that nobody reads was meant to be read: it is like a setting's, or has settings below it."""
    values = [node.value for node in tree.body if name in assigned_names(ast.Module([node], []))]
    parts = [part for value in values if value is not None for part in ast.walk(value)]
    sections = any(
        isinstance(part, ast.Dict) or getattr(getattr(part, 'func', None), 'id', '') == 'dict' for part in parts
    )
    return sections or bool(did_you_mean(name, SETTINGS))


def _check_environment(files: Sequence[ConfigFile]) -> None:
    """Refuse a variable that is empty or holds a quote: mmengine pastes it into the file's text, which breaks."""
    for file in files:
        for name, default in VARIABLE.findall(file.text):
            value = os.environ.get(name)
            if value == '':
                raise UserError(
                    f"the environment variable {name} is empty: unset it, then {file.path} uses '{default}', or set it"
                )
            if value is not None and set(value) & set('\'"\\\n{}'):
                raise UserError(
                    f'the environment variable {name} is {value!r}: {file.path} cannot read a value with quotes, '
                    'backslashes, braces or line breaks'
                )


def _set_variables(files: Sequence[ConfigFile]) -> str:
    names = {name: os.environ[name] for file in files for name, _ in VARIABLE.findall(file.text) if name in os.environ}
    listed = ', '.join(f'{name}={value}' for name, value in names.items())
    return f' or the environment variables that it reads, {listed}' if listed else ''


def _chain(path: Path, child: Path | None = None) -> Iterator[ConfigFile]:
    """Yield the file and all that it inherits from; those of other packages (``mmseg::…``) are not ours to judge."""
    file = _read(path, '' if child is None else f', a _base_ of {child},')
    yield file
    for base in base_names(file.tree):
        if (below := base_path(base, path)) is not None:
            yield from _chain(below, path)


def _as_number(found: re.Match) -> str:
    """Return a number as long as the variable, so that what stands behind it keeps its place."""
    return '0'.ljust(len(found[0]))


def _read(path: Path, role: str) -> ConfigFile:
    """Return a file of the chain.

    mmengine would read YAML, too, with a loader that runs code in it: configs are Python alone.
    """
    if not path.exists():
        raise UserError(
            f'config file {path}{role} does not exist: give the path of a file such as configs/stct/gta2cs.py '
            '(docs/moved_configs.md has what leaves of earlier versions are now)'
        )
    if path.is_dir():
        raise UserError(f'config file {path}{role} is a folder: give a file in it')
    if path.suffix != '.py':
        raise UserError(f"config file {path}{role} has the suffix '{path.suffix}': configs are Python files (.py)")
    try:
        text = path.read_text(encoding='utf-8')
        return ConfigFile(path, text, ast.parse(VARIABLE.sub(_as_number, text)))
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise UserError(
            f'config file {path}{role} cannot be read ({type(error).__name__}: {reason}): mend the file'
        ) from error


def _base_reads(tree: ast.Module) -> Iterator[str]:
    """Yield names read as ``_base_.name``, ``_base_['name']`` or, in a string, ``{{_base_.name}}``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, 'id', None) == '_base_':
            yield node.attr
        elif isinstance(node, ast.Subscript) and getattr(node.value, 'id', None) == '_base_':
            yield getattr(node.slice, 'value', '')
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and '_base_.' in node.value:
            yield node.value.partition('_base_.')[2].split('.')[0].rstrip('} ')
