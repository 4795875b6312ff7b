"""Counts the bytes of tensors that are alive, without touching them: what a step holds at its peak on any device.

What a kernel takes for itself while it runs (workspaces of convolutions) and what an allocator keeps are not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

BLOCK = 512
"""Bytes that CUDA's allocator rounds up to."""


class LiveMemory(TorchDispatchMode):
    """The bytes of all storages that were made while it is on, or shown to it, and are alive.

    Example:
        >>> with LiveMemory() as memory:
        ...     x = torch.zeros(1024)
        ...     x = (x + 1).sum()
        >>> memory.peak, memory.held
        (8704, 512)
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.see(x for x in tree_leaves(found) if isinstance(x, Tensor))
        return found

    def see(self, tensors: Iterable[Tensor]) -> None:
        """Count the memory of some tensors until it is given back."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage not in self._known:
                size = -(-storage.nbytes() // BLOCK) * BLOCK
                self._known[storage] = weakref.finalize(storage, self._forget, size)
                self.held += size
        self.peak = max(self.peak, self.held)

    def _forget(self, size: int) -> None:
        self.held -= size
