"""Counts the operations that torch dispatches: what a small step costs a GPU that is faster than its host.

Each one is at least one launch of a kernel. Views of a tensor, empty memory and marks for the profiler are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

MEMORY = ('empty', 'detach', 'alias', 'lift_fresh', '_unsafe_view', 'set_', 'resize_')
ELSEWHERE = 'elsewhere: losses, optimizer, teacher update'


class Operations(TorchDispatchMode):
    """Counts what torch dispatches while it is on, by the part of a model that asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.places = [ELSEWHERE]

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        space, name = func.name().split('::')
        if not (func.is_view or space == 'profiler' or name.startswith(MEMORY)):
            backward = torch._C._current_graph_task_id() != -1
            self.counts['backward pass' if backward else self.places[-1]] += 1
        return func(*args, **(kwargs or {}))

    @contextmanager
    def by_part(self, model: nn.Module, depth: int) -> Iterator[None]:
        """Count operations within a part for the first ``depth`` words of its name."""
        handles = []
        for name, module in model.named_modules():
            if name:
                place = '.'.join(name.split('.')[:depth])
                handles.append(module.register_forward_pre_hook(lambda *_, place=place: self.places.append(place)))
                handles.append(module.register_forward_hook(lambda *_: self._leave(), always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _leave(self) -> None:
        self.places.pop()


def count_operations(function: Callable[[], object]) -> int:
    """Count the operations of one call, its backward passes among them."""
    operations = Operations()
    with operations:
        function()
    return operations.counts.total()
