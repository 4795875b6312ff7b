"""Activation checkpointing that remembers the domain layout of its forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint

from .context import DomainContext
from .layer import DomainLayer


def domain_checkpoint(function: Callable, *args: Any, context: DomainContext | None = None) -> Any:
    """Call ``function(*args)`` without keeping its activations; the backward pass recomputes it under today's layout.

    Plain checkpointing is enough while one student pass uses one layout per backward. With two layouts in one backward
    pass, the recomputation of the first would see the second: this function captures the layout instead. Running
    statistics inside a module are updated by the forward pass alone, not again by the recomputation.

    Args:
        function: What to run, usually a module.
        args: Its arguments.
        context: The context of the network it belongs to (None: that of the first domain layer in the module).

    Raises:
        ValueError: No context is given and the function has no bound domain layer.
    """
    context = _context_of(function) if context is None else context
    captured = context.batch
    statistics = _statistics(function)
    passes = 0

    def run(*inner: Any) -> Any:
        nonlocal passes
        passes += 1
        kept = [x.clone() for x in statistics] if passes > 1 else []
        current = context.batch
        context.set(captured)
        try:
            return function(*inner)
        finally:
            context.set(current)
            for buffer, value in zip(statistics, kept, strict=False):
                buffer.data.copy_(value)  # .data: autograd holds these buffers, and must not see a new version

    return checkpoint(run, *args, use_reentrant=False)


def _context_of(function: Callable) -> DomainContext:
    layers = function.modules() if isinstance(function, nn.Module) else ()
    for layer in layers:
        if isinstance(layer, DomainLayer) and layer.domain_context is not None:
            return layer.domain_context
    raise ValueError('domain_checkpoint found no bound domain layer: give context=bind_domain_context(net).')


def _statistics(function: Callable) -> list[Tensor]:
    """Return the running statistics that a pass through the function moves."""
    modules = function.modules() if isinstance(function, nn.Module) else ()
    norms = (module for module in modules if isinstance(module, (_NormBase, DomainLayer)))
    return [buffer for norm in norms for buffer in norm.buffers(recurse=False)]


def is_recomputing() -> bool:
    """Tell whether this forward pass runs inside a backward pass, as activation checkpointing recomputes."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1
