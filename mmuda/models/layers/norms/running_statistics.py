"""The running statistics of two domains, as a training batch moves them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmuda.functional import Moments


class RunningStatistics(NamedTuple):
    """Both domains' running means and unbiased variances ``[C]``, and how many batches they have seen."""

    mean_source: Tensor
    var_source: Tensor
    mean_target: Tensor
    var_target: Tensor
    num_batches: Tensor
    momentum: float | None
    """The share of a batch; None: all batches weigh the same."""

    def move(self, source: Moments, target: Moments, finite: Tensor | None) -> None:
        """Move them in place to a batch's moments, in channels that are ``finite`` (None: all)."""
        with torch.no_grad():
            values = (source.mean, source.unbiased_var(), target.mean, target.unbiased_var())
            self.num_batches.add_(1)
            share = self.momentum
            if share is None:
                share = (1 / self.num_batches).to(self.mean_source.dtype)
            for running, value in zip(self[:4], values):
                if finite is not None:
                    value = torch.where(finite, value, running)
                running.lerp_(value.to(running.dtype), share)
