"""Reading a config so that a mistyped key is an error instead of silence.

mmengine keeps every name of a config file and ignores those it does not know. Here a top-level name must be a setting
of the runner or be used by an expression in the chain of files; once used, such variables are dropped, so a config that
was written to a work directory reads back cleanly.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.runner import Runner

from mmuda import compat

from .errors import UserError, did_you_mean
from .options import merge_options

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
OWN_CONFIGS = Path(__file__).parents[1] / '.mim' / 'configs'
"""Where ``_base_ = 'mmuda::…'`` is looked up."""
VARIABLE = re.compile(r"""\{\{['"]?\s*\$(\w+)\s*:\s*(\S*?)\s*['"]?\}\}""")
"""A value from the environment in a config, ``{{$NAME:default}}``, as mmengine finds it."""


class ConfigFile(NamedTuple):
    """One file of a config's chain: its path, its text, and its syntax tree with 0 for values of the environment."""

    path: Path
    text: str
    tree: ast.Module


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file, merge ``--cfg-options`` and refuse names that nobody reads.

    Args:
        path: The config file.
        options: Dotted keys and their values.

    Raises:
        UserError: The file is missing or broken, or a key has no reader.
    """
    path = Path(path)
    compat.apply()
    files = list(_chain(path))
    _check_environment(files)
    try:
        cfg = Config.fromfile(path)
    except Exception as error:
        raise UserError(
            f'config file {path} cannot be read ({type(error).__name__}: {error}): mend the file{_set_variables(files)}'
        ) from error
    _check_names(files)
    for key in [key for key in cfg if key not in SETTINGS]:
        _refuse_variable(key, options or {}, path)
        cfg.pop(key)
    _check_options(options or {})
    merge_options(cfg, options or {})
    return cfg


def _refuse_variable(key: str, options: Mapping[str, Any], path: Path) -> None:
    for option in options:
        if option.split('.')[0] == key:
            raise UserError(
                f"'{option}' cannot be set by --cfg-options: '{key}' is a variable of {path} that was used when the "
                'file was read; set the keys made from it, for example model.terms.target.weight.alpha'
            )


def _check_options(options: Mapping[str, Any]) -> None:
    for option in options:
        top = option.split('.')[0]
        if top not in SETTINGS:
            raise UserError(
                f"unknown config key '{option}' in --cfg-options: no part of a run reads '{top}'"
                + did_you_mean(top, SETTINGS)
            )


def _check_names(files: Sequence[ConfigFile]) -> None:
    """Every name assigned at the top of a file must be a setting or be read somewhere in the chain."""
    from_children = {name for file in files for name in _base_reads(file.tree)}
    for path, _, tree in files:
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        for name in _assigned(tree):
            if name not in SETTINGS | read | from_children and not name.startswith('_'):
                raise UserError(
                    f"unknown config key '{name}' in {path}: no part of a run reads it, and no expression uses it as a "
                    f'variable{did_you_mean(name, SETTINGS)}'
                )


def _check_environment(files: Sequence[ConfigFile]) -> None:
    """mmengine pastes a variable's value into the file's text, so an empty one or a quote in it breaks the file."""
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
    """The file and all that it inherits from; those of other packages (``mmseg::…``) are not ours to judge."""
    file = _read(path, '' if child is None else f', a _base_ of {child},')
    yield file
    for base in _bases(file.tree):
        scope, installed, name = base.rpartition('::')
        if not installed or scope == 'mmuda':
            yield from _chain(OWN_CONFIGS / name if installed else path.parent / base, path)


def _read(path: Path, role: str) -> ConfigFile:
    """A file of the chain.

    mmengine would read YAML, too, with a loader that runs code in it: configs are Python alone.
    """
    if not path.exists():
        raise UserError(
            f'config file {path}{role} does not exist: give the path of a file such as configs/stct/gta2cs.py'
        )
    if path.is_dir():
        raise UserError(f'config file {path}{role} is a folder: give a file in it')
    if path.suffix != '.py':
        raise UserError(f"config file {path}{role} has the suffix '{path.suffix}': configs are Python files (.py)")
    try:
        text = path.read_text(encoding='utf-8')
        return ConfigFile(path, text, ast.parse(VARIABLE.sub('0', text)))
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise UserError(
            f'config file {path}{role} cannot be read ({type(error).__name__}: {reason}): mend the file'
        ) from error


def _bases(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == '_base_':
            try:
                bases = ast.literal_eval(node.value)
            except ValueError:  # an expression: mmengine evaluates it, and what it names is not looked at here
                return []
            return [bases] if isinstance(bases, str) else list(bases)
    return []


def _assigned(tree: ast.Module) -> list[str]:
    statements = [node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    targets = [target for node in statements for target in getattr(node, 'targets', None) or [node.target]]
    names = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]


def _base_reads(tree: ast.Module) -> Iterator[str]:
    """Names read as ``_base_.name``, ``_base_['name']`` or, in a string, ``{{_base_.name}}``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, 'id', None) == '_base_':
            yield node.attr
        elif isinstance(node, ast.Subscript) and getattr(node.value, 'id', None) == '_base_':
            yield getattr(node.slice, 'value', '')
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and '_base_.' in node.value:
            yield node.value.partition('_base_.')[2].split('.')[0].rstrip('} ')
