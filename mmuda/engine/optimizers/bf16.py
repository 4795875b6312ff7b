"""Mixed precision in bfloat16 on any device."""

from __future__ import annotations

from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn

from mmuda.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """The forward pass under ``torch.autocast`` in bfloat16; weights, gradients and optimizer stay in float32.

    bfloat16 has float32's range, so no loss scaling is needed. mmengine's ``AmpOptimWrapper``
    asserts an accelerator; this one also speeds up a CPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module):
        """Autocast around the forward pass, on top of mmengine's context for accumulation."""
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16):
            yield
