"""Several processes, each with a part of the batch."""

from __future__ import annotations

from contextlib import nullcontext

from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor

from mmuda.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class UDADataParallel(MMDistributedDataParallel):
    """mmengine's wrapper, under which a UDA model also goes backward pass by pass; gradients are reduced once a step.

    Any other model trains as mmengine does it.
    """

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Update once, by this process's part of a batch."""
        backward_by = getattr(self.module, 'backward_by', nullcontext)
        with backward_by(optim_wrapper):
            return super().train_step(data, optim_wrapper)
