"""Variables of a config that are set from outside: by ``--cfg-options size=96`` a file is read as if it said so.

mmengine computes a file's expressions while it reads it, so a variable has to be set before. The files of the config's
chain are written to a temporary folder with other values, and read there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .errors import UserError
from .options import misfit

OWN_CONFIGS = Path(__file__).parents[1] / '.mim' / 'configs'
"""Where ``_base_ = 'mmuda::…'`` is looked up."""


class ConfigFile(NamedTuple):
    """One file of a config's chain: its path, its text, and its syntax tree, whose places are the text's."""

    path: Path
    text: str
    tree: ast.Module


def variables_among(
    options: Mapping[str, Any], files: Sequence[ConfigFile], settings: frozenset[str], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options that name a variable of the files.

    Args:
        options: Dotted keys and their values.
        files: The config's chain.
        settings: Names that are no variables.
        values: What the files make of their names.

    Raises:
        UserError: A variable that is a dict or is assigned beside others, or a value of another kind than it has.
    """
    assigned = {name for file in files for name in assigned_names(file.tree)} - settings
    found = {option: value for option, value in options.items() if option.split('.')[0] in assigned}
    for option, value in found.items():
        _check(option, value, files, values.get(option.split('.')[0]))
    return found


def with_variables(files: Sequence[ConfigFile], values: Mapping[str, Any], folder: Path) -> Path:
    """Write the files with these values of their variables below a folder, and return the first of them."""
    places = {file.path.resolve(): folder / f'{number}.py' for number, file in enumerate(files)}
    for file in files:
        edits = [(node, repr(values[name])) for name in values for _, node in _assignments(name, [file]) if node]
        if (bases := _base_node(file.tree)) is not None:
            own = [(base, base_path(base, file.path)) for base in base_names(file.tree)]
            edits.append((bases, repr([base if path is None else str(places[path.resolve()]) for base, path in own])))
        places[file.path.resolve()].write_text(_edited(file.text, edits), encoding='utf-8')
    return places[files[0].path.resolve()]


def assigned_names(tree: ast.Module) -> list[str]:
    """Return names assigned at the top of a file."""
    statements = [node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    targets = [target for node in statements for target in getattr(node, 'targets', None) or [node.target]]
    names = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]


def base_names(tree: ast.Module) -> list[str]:
    """Return the files that a file inherits from, where they are written out."""
    node = _base_node(tree)
    found = [] if node is None else ast.literal_eval(node)
    return [found] if isinstance(found, str) else list(found)


def config_path(path: str | Path) -> Path:
    """Tell where a config lies; ``mmuda::stct/gta2cs.py`` is one of ours, also where there is no checkout."""
    scope, installed, name = str(path).rpartition('::')
    return OWN_CONFIGS / name if installed and scope == 'mmuda' else Path(path)


def base_path(base: str, child: Path) -> Path | None:
    """Tell where a base of a file lies; None for one of another package, such as ``mmseg::…``."""
    scope, installed, name = base.rpartition('::')
    if installed:
        return OWN_CONFIGS / name if scope == 'mmuda' else None
    return child.parent / base


def _base_node(tree: ast.Module) -> ast.expr | None:
    """Return the expression of a file's ``_base_``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == '_base_':
            try:
                ast.literal_eval(node.value)
            except ValueError:  # an expression: mmengine evaluates it, and what it names is not looked at here
                return None
            return node.value
    return None


def _assignments(name: str, files: Sequence[ConfigFile]) -> Iterator[tuple[ConfigFile, ast.expr | None]]:
    """Find where a variable gets its value; no expression where it is one of several."""
    for file in files:
        for node in file.tree.body:
            if name in assigned_names(ast.Module([node], [])):
                targets = getattr(node, 'targets', None) or [node.target]
                alone = len(targets) == 1 and isinstance(targets[0], ast.Name)
                yield file, node.value if alone else None


def _check(option: str, value: Any, files: Sequence[ConfigFile], old: Any) -> None:
    name = option.split('.')[0]
    for file, node in _assignments(name, files):
        if node is None or '.' in option or isinstance(old, Mapping):
            reason = 'one of several in one assignment' if node is None else 'made of settings'
            raise UserError(
                f"'{option}' cannot be set by --cfg-options: '{name}' is a variable of {file.path}, {reason}; set what "
                'it is made from, or the keys made from it, for example model.terms.target.weight.alpha'
            )
    wrong = misfit(old, value)
    if wrong is not None:
        raise UserError(f'--cfg-options {option}={value} does not fit: {wrong}')


def _edited(text: str, edits: Sequence[tuple[ast.expr, str]]) -> str:
    """Return the text with other words at the places of some expressions."""
    lines = [0]
    for line in text.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    raw = text.encode()
    for node, words in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        start = lines[node.lineno - 1] + node.col_offset
        end = lines[node.end_lineno - 1] + node.end_col_offset
        raw = raw[:start] + words.encode() + raw[end:]
    return raw.decode()
