"""Catch the outputs of named modules during one pass, without touching the network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from torch import nn


class Taps:
    """Context manager: ``with Taps(net, names) as features: net(x)`` fills ``features[name]``.

    The hooks live only inside the block, so a deep copy of the network (a teacher) never inherits
    them.

    Args:
        net: The network.
        names: Dotted module names, such as ``backbone.layer3``. Where the last part is a number and no module, it is
            one of the module's several outputs: ``backbone.1`` is the second map of an encoder whose stages are no
            modules.

    Raises:
        KeyError: A name that the network does not have.
        IndexError: An output that a module does not give.
        RuntimeError: A tapped module that the pass did not call.
    """

    def __init__(self, net: nn.Module, names: Iterable[str]) -> None:
        modules = dict(net.named_modules())
        self._taps = {name: _resolve(name, modules) for name in names}
        missing = [name for name, (module, _) in self._taps.items() if module is None]
        if missing:
            raise KeyError(
                f'{type(net).__name__} has no module {missing[0]!r} to tap{_suggestion(missing[0], modules)}.'
            )
        self._handles: list = []
        self._features: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self._features = features = {}
        for name, (module, index) in self._taps.items():
            self._handles.append(module.register_forward_hook(self._keep(features, name, index)))
        return features

    def __exit__(self, error: type | None, *_: Any) -> None:
        while self._handles:
            self._handles.pop().remove()
        silent = [name for name in self._taps if name not in self._features]
        if silent and error is None:
            raise RuntimeError(
                f'The tapped module {silent[0]!r} was not called in this pass: tap a module that its parent runs.'
            )

    @staticmethod
    def _keep(features: dict[str, Any], name: str, index: int | None):
        def hook(module: nn.Module, args: tuple, output: Any) -> None:
            features[name] = output if index is None else _pick(output, name, index)

        return hook


def _resolve(name: str, modules: dict[str, nn.Module]) -> tuple[nn.Module | None, int | None]:
    """Find the module that is tapped, and which of its outputs (None: what it gives as a whole)."""
    owner, _, index = name.rpartition('.')
    if name in modules or not index.isdecimal() or f'{owner}.0' in modules:  # the last: a wrong number of a child
        return modules.get(name), None
    return modules.get(owner), int(index)


def _pick(output: Any, name: str, index: int) -> Any:
    count = len(output) if isinstance(output, Sequence) else 0
    if index >= count:
        raise IndexError(
            f'The tap {name!r} is output {index} of its module, which gives {count or "one tensor instead"}'
            f'{" outputs" * bool(count)}: count from 0, or tap the module itself.'
        )
    return output[index]


def _suggestion(name: str, modules: dict[str, nn.Module]) -> str:
    parent = name.rpartition('.')[0]
    while parent and parent not in modules:
        parent = parent.rpartition('.')[0]
    depth = parent.count('.') + 1 if parent else 0
    siblings = [key for key in modules if key and key.startswith(parent) and key.count('.') <= depth and key != parent]
    near = get_close_matches(name, modules, n=3)
    listed = ', '.join(siblings[:20]) + (', ...' if len(siblings) > 20 else '')
    return f'; near it: {", ".join(near)}' * bool(near) + f'; it has {listed}'
