"""Catch the outputs of named modules during one pass, without touching the network."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from torch import nn


class Taps:
    """Context manager: ``with Taps(net, names) as features: net(x)`` fills ``features[name]``.

    The hooks live only inside the block, so a deep copy of the network (a teacher) never inherits
    them.

    Args:
        net: The network.
        names: Dotted module names, such as ``backbone.layer3``.

    Raises:
        KeyError: A name that the network does not have.
        RuntimeError: A tapped module that the pass did not call.
    """

    def __init__(self, net: nn.Module, names: Iterable[str]) -> None:
        modules = dict(net.named_modules())
        for name in names:
            if name not in modules:
                raise KeyError(f'{type(net).__name__} has no module {name!r} to tap{_suggestion(name, modules)}.')
        self._modules = {name: modules[name] for name in names}
        self._handles: list = []
        self._features: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self._features = features = {}
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._keep(features, name)))
        return features

    def __exit__(self, error: type | None, *_: Any) -> None:
        while self._handles:
            self._handles.pop().remove()
        silent = [name for name in self._modules if name not in self._features]
        if silent and error is None:
            raise RuntimeError(
                f'The tapped module {silent[0]!r} was not called in this pass: tap a module that its parent runs.'
            )

    @staticmethod
    def _keep(features: dict[str, Any], name: str):
        def hook(module: nn.Module, args: tuple, output: Any) -> None:
            features[name] = output

        return hook


def _suggestion(name: str, modules: dict[str, nn.Module]) -> str:
    parent = name.rpartition('.')[0]
    while parent and parent not in modules:
        parent = parent.rpartition('.')[0]
    depth = parent.count('.') + 1 if parent else 0
    siblings = [key for key in modules if key and key.startswith(parent) and key.count('.') <= depth and key != parent]
    near = get_close_matches(name, modules, n=3)
    listed = ', '.join(siblings[:20]) + (', ...' if len(siblings) > 20 else '')
    return f'; near it: {", ".join(near)}' * bool(near) + f'; it has {listed}'
