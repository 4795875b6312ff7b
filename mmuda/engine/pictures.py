"""Names for the pictures that hooks draw of one network, where two are evaluated on the same images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from mmengine.visualization import Visualizer


@contextmanager
def pictures_named(visualizer: Visualizer | None, prefix: str) -> Iterator[None]:
    """Put a prefix before the name of every picture that is stored meanwhile, by any hook and to any backend.

    mmseg's and mmpretrain's hooks name a picture by its file and step alone, so that the second network's would take
    the place of the first one's.

    Args:
        visualizer: The run's; None for a runner without one.
        prefix: What comes before the name; empty changes nothing.
    """
    backends = getattr(visualizer, '_vis_backends', None)
    if not prefix or not backends:
        yield
        return
    visualizer._vis_backends = {key: _Prefixed(backend, prefix) for key, backend in backends.items()}
    try:
        yield
    finally:
        visualizer._vis_backends = backends


class _Prefixed:
    """A backend of mmengine that stores pictures under longer names; all else is its own."""

    def __init__(self, backend: Any, prefix: str) -> None:
        self.backend = backend
        self.prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Hand a picture on under a name that begins with the prefix."""
        self.backend.add_image(f'{self.prefix}{name}', image, step, **kwargs)
