"""Whether torch.compile is tracing: public since torch 2.3."""

from __future__ import annotations

import torch


def is_compiling() -> bool:
    """`torch.compiler.is_compiling`, also on older versions."""
    public = getattr(torch.compiler, 'is_compiling', None)
    return public() if public is not None else torch._dynamo.is_compiling()
