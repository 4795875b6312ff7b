"""Label maps in pinned memory, so that a GPU fetches them while the host goes on."""

import types
from collections.abc import Callable


def pinned_samples(load: Callable, module: types.ModuleType) -> None:
    """mmengine's data samples cannot be pinned, so a loader with `pin_memory` pins images alone.

    A copy of what is not pinned makes the host wait until the GPU has done all that was asked of it before.
    """
    load(module)
    kind = module.BaseDataElement
    if not hasattr(kind, 'pin_memory'):
        kind.pin_memory = _pin_memory


def _pin_memory(self):
    pinned = self.new()
    for name, value in self.items():
        if hasattr(value, 'pin_memory'):
            whole = value.contiguous() if hasattr(value, 'contiguous') else value  # one number may stand for a map
            pinned.set_data({name: whole.pin_memory()})
    return pinned
