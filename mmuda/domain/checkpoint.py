"""Activation checkpointing that remembers the domain layout of its forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils.checkpoint import checkpoint

from .context import DomainContext


def domain_checkpoint(function: Callable, *args: Any, context: DomainContext) -> Any:
    """``function(*args)`` without keeping its activations; the backward pass recomputes it under today's layout.

    Plain checkpointing is enough while one student pass uses one layout per backward. With two
    layouts in one backward pass, the recomputation of the first would see the second: this function
    captures the layout instead.

    Args:
        function: What to run; the domain layers inside share ``context``.
        args: Its arguments.
        context: The context of the network that ``function`` belongs to.
    """
    captured = context.batch

    def run(*inner: Any) -> Any:
        current = context.batch
        context.set(captured)
        try:
            return function(*inner)
        finally:
            context.set(current)

    return checkpoint(run, *args, use_reentrant=False)
