"""Images on their way through a network: which of them go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .inputs import NamedImage


@dataclass
class Work:
    """An image: loaded, prepared for the network, predicted; or what is wrong with it."""

    item: NamedImage
    loaded: dict = field(default_factory=dict)
    prepared: dict | None = None
    sample: Any = None
    problem: str = ''

    @property
    def size(self) -> list[tuple] | None:
        """Return the shapes of what the network gets, one for each view; None where there is nothing for it."""
        if self.prepared is None:
            return None
        inputs = self.prepared['inputs']
        return [tuple(view.shape) for view in (inputs if isinstance(inputs, list) else [inputs])]


def in_batches(works: Iterable[Work], batch_size: int) -> Iterator[list[Work]]:
    """Group images in their order, up to so many of one size; broken ones count for nothing and go with their
    neighbours.
    """
    batch: list[Work] = []
    for work in works:
        size = next((other.size for other in batch if other.size), None)
        if size and work.size and work.size != size:
            yield batch
            batch = []
        batch.append(work)
        if sum(other.size is not None for other in batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch
