"""Merge ``--cfg-options`` into a config: a value of another kind than the one it replaces is refused.

The config's own value says what kind is meant: a number takes a number, a switch takes true or false, a dict of
settings takes its keys one by one. None, which stands for 'not set', is replaced by anything and replaces anything.
The ``type`` of the entry behind a list's last makes a new one: ``custom_hooks.0.type=...`` adds a hook where none is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict

from .errors import UserError


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Set dotted keys.

    Raises:
        UserError: a key leads into a value that has no keys, or its value does not fit the one that is there.
    """
    for key in sorted(options):  # the first entry of a list before the second
        _extend(cfg, key)
    for key, value in options.items():
        _check(cfg, key, value)
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise UserError(f'--cfg-options {" ".join(options)} does not fit the config: {error}') from error


def _extend(cfg: Config, key: str) -> None:
    """Make the empty dict that the ``type`` of a list's next entry goes into, and the list where there is none."""
    *parents, name, number, last = ('', '', *key.split('.'))
    if last != 'type' or not number.isdecimal():
        return
    node: Any = cfg
    for part in filter(None, parents):
        node = node.get(part) if isinstance(node, (Config, Mapping)) else None
    if isinstance(node, (Config, Mapping)) and len(node.get(name) or []) == int(number):
        entries = list(node.get(name) or [])
        node[name] = [*entries, ConfigDict()]


def _check(cfg: Config, key: str, value: Any) -> None:
    node: Any = dict(cfg.items())
    *parents, last = key.split('.')
    for depth, part in enumerate(parents):
        node = _child(node, part, '.'.join(parents[:depth]), key)
        if node is None:
            return  # a dict that the option makes
    if (wrong := misfit(_child(node, last, '.'.join(parents), key), value)) is not None:
        raise UserError(f'--cfg-options {key}={value} does not fit: {wrong}')


def _child(node: Any, part: str, where: str, key: str) -> Any:
    """Tell what stands under a part of a dotted key; None if there is nothing yet."""
    if isinstance(node, Mapping):
        return node.get(part)
    if isinstance(node, (list, tuple)):
        if part.isdecimal() and int(part) < len(node):
            return node[int(part)]
        raise UserError(
            f"--cfg-options {key} does not fit: '{where}' is a list of {len(node)}, give a number from 0 to "
            f'{len(node) - 1} in place of {part}'
        )
    raise UserError(f"--cfg-options {key} does not fit: '{where}' is {node!r} in the config, which has no keys")


def misfit(old: Any, new: Any) -> str | None:
    """Tell what is wrong with a value in the place of another, or None."""
    if old is None or new is None:
        return None
    if isinstance(old, Mapping):
        return f'it is a dict of settings, so set one of its keys: {", ".join(map(str, old))}'
    if isinstance(old, bool):
        fits = isinstance(new, int) and new in (0, 1)
        return None if fits else f'it is {old} in the config: give true or false'
    if isinstance(old, (int, float)):
        fits = not isinstance(new, (str, bool))
        return None if fits else f'it is {old} in the config: give a number'
    if isinstance(old, (list, tuple)) and any(isinstance(entry, Mapping) for entry in old):
        return f"it is a list of {len(old)} dicts in the config: set their keys, such as '0.KEY=VALUE'"
    return None
