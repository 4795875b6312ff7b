"""What a constructor takes: the names that a config may give it, and which of them are no text.

A constructor with ``**kwargs`` may hand them on to its base class, read some of them, pass them to anything, or drop
them without a word. Its source says which.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import types
import typing
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

NUMBERS = (int, float, complex)


@dataclass
class Signature:
    """The parameters by name, and whether these are all: otherwise further names may have a reader."""

    parameters: dict[str, inspect.Parameter] = field(default_factory=dict)
    hints: dict[str, Any] = field(default_factory=dict)
    complete: bool = True

    def refuses_text(self, name: str) -> bool:
        """Tell whether a parameter is a number or a switch by its annotation, or else by its default."""
        default = getattr(self.parameters.get(name), 'default', None)
        if name not in self.hints or isinstance(default, str):
            return isinstance(default, (bool, *NUMBERS))
        kinds = _members(self.hints[name])
        return bool(kinds & {bool, *NUMBERS}) and kinds <= {bool, *NUMBERS, type(None)} | _tensors()


@functools.cache
def signature_of(target: Callable) -> Signature:
    """Return the signature of a class, with the bases that it hands its keywords on to, or of a function."""
    found = Signature()
    if not inspect.isclass(target):
        found.complete = _add(found, target, ignored=()) is None and found.complete
        return found
    for base in target.__mro__:
        if '__init__' not in vars(base) or base is object:
            continue
        keywords = _add(found, base.__init__, ignored=('self',))
        if keywords is None:
            return found
        uses = _uses(base.__init__, keywords)
        if uses is None:
            found.complete = False
        else:
            found.parameters |= {name: None for name in uses.read if name not in found.parameters}
            if not uses.handed_on:
                return found
    return found


def _add(found: Signature, function: Callable, ignored: tuple[str, ...]) -> str | None:
    """Note a function's parameters; the name of its ``**`` parameter, if it has one."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function without a signature, written in C
        found.complete = False
        return None
    hints = _hints(function)
    keywords = None
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            keywords = parameter.name
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name not in (*ignored, *found.parameters):
            found.parameters[parameter.name] = parameter
            if parameter.name in hints:
                found.hints[parameter.name] = hints[parameter.name]
    return keywords


def _hints(function: Callable) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # an annotation may name what is imported for type checkers alone
        return {}


@dataclass
class _Uses:
    """Keywords of a constructor: the names it reads itself, and whether its base gets the rest."""

    read: set[str] = field(default_factory=set)
    handed_on: bool = False


def _uses(function: Callable, keywords: str) -> _Uses | None:
    """None where the keywords go somewhere that cannot be followed."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    uses, known = _Uses(), set()
    for node in ast.walk(tree):
        name = _name_read(node, keywords)
        if name is not None:
            uses.read.add(name)
            known |= {id(child) for child in ast.walk(node) if _is_name(child, keywords)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith('.__init__'):
            handed = [word.value for word in node.keywords if word.arg is None and _is_name(word.value, keywords)]
            uses.handed_on |= bool(handed)
            known |= {id(value) for value in handed}
    others = [node for node in ast.walk(tree) if _is_name(node, keywords) and id(node) not in known]
    return None if others else uses


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _name_read(node: ast.AST, keywords: str) -> str | None:
    """Return the name of ``kwargs.pop('name')``, ``kwargs['name']`` or ``'name' in kwargs``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_name(node.func.value, keywords):
        candidate = node.args[0] if node.args and node.func.attr in ('pop', 'get', 'setdefault') else None
    elif isinstance(node, ast.Subscript) and _is_name(node.value, keywords):
        candidate = node.slice
    elif isinstance(node, ast.Compare) and _is_name(node.comparators[0], keywords):
        candidate = node.left
    else:
        return None
    return candidate.value if isinstance(candidate, ast.Constant) and isinstance(candidate.value, str) else None


def _members(hint: Any) -> set[Any]:
    """Return the kinds that an annotation allows."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return set().union(*(_members(member) for member in typing.get_args(hint)))
    return {hint} if isinstance(hint, Hashable) else {Any}


def _tensors() -> set[type]:
    """Return kinds that no config can write down beside a number."""
    import torch

    return {torch.Tensor}
