"""Read a mapping from a JSON or YAML file as data: nothing in the file is executed, no key stands in it twice."""

import json
import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import yaml

from .errors import DataError


def read_mapping(path: str, what: str) -> dict:
    """Return the mapping that a ``.json``, ``.yaml`` or ``.yml`` file holds.

    Args:
        path: the file.
        what: what an error calls it, such as 'class map'.

    Raises:
        DataError: another suffix, a broken or empty file, a key that stands twice, a tag that asks for an object.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in READERS:
        raise DataError(f"The {what} '{path}' has the suffix '{suffix}': it is read as {', '.join(READERS)} alone.")
    try:
        with open(path, encoding='utf-8') as file:
            content = READERS[suffix](file.read())
    except OSError as error:
        raise DataError(f"The {what} '{path}' cannot be read: {error.strerror}.") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise DataError(f"The {what} '{path}' cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        found = 'is empty' if content is None else f'holds a {type(content).__name__}'
        raise DataError(f"The {what} '{path}' {found}: it has to be a mapping of keys to values.")
    return content


def _read_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique) if text.strip() else None


def _read_yaml(text: str) -> Any:
    for node in _mappings(yaml.compose(text, yaml.SafeLoader), set()):
        _unique((key.value, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))
    return yaml.safe_load(text)


READERS: dict[str, Callable[[str], Any]] = {'.json': _read_json, '.yaml': _read_yaml, '.yml': _read_yaml}


def _unique(pairs: Iterable[tuple[Hashable, Any]]) -> dict:
    found: dict = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key {key!r} stands in it twice')
        found[key] = value
    return found


def _mappings(node: yaml.Node | None, seen: set[int]) -> Iterator[yaml.MappingNode]:
    """Yield every mapping below a node, each once: an alias may lead back to where it stands."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield node
    for child in node.value:
        for part in child if isinstance(child, tuple) else (child,):
            yield from _mappings(part, seen)
