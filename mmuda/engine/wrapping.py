"""The model behind what several processes put around it."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside a wrapper such as DDP, if there is one."""
    return model.module if is_model_wrapper(model) else model
