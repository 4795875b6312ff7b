"""The cosine schedule as training by epochs has it: the rate changes between epochs, not between steps.

lr_e = lr_min + (lr_0 - lr_min) · (1 + cos(π·e / E)) / 2        e = ⌊E · step / (end − begin)⌋

It counts steps, as everything here does, and needs no epoch: E stairs of equal length. With E epochs of the data it is
torch's CosineAnnealingLR with T_max = E, stepped at the end of each.
"""

from __future__ import annotations

import math

from mmengine.optim import _ParamScheduler
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF

from mmuda.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class EpochCosineLR(LRSchedulerMixin, _ParamScheduler):
    """``epochs`` stairs of a cosine from the initial rate towards ``eta_min``.

    Args:
        optimizer: The optimizer, or its wrapper.
        epochs: E. Where there are fewer steps, the rate changes with each.
        eta_min: lr_min, which the last stair does not reach yet.
        begin, end, last_step, by_epoch, verbose: As for mmengine's schedulers: a training that counts steps needs
            ``by_epoch=False``, and an ``end`` that the config leaves out is its last step.
    """

    def __init__(
        self,
        optimizer,
        epochs: int,
        eta_min: float = 0.0,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.epochs = epochs
        self.eta_min = eta_min
        self.horizon = end - begin
        if epochs < 1:
            raise ValueError(f'EpochCosineLR has epochs={epochs}: a training has 1 or more.')
        if end >= INF:
            raise ValueError(
                'EpochCosineLR has no end, so the rate would not fall: give one (a runner sets it to the length of the '
                'training).'
            )
        super().__init__(optimizer, begin=begin, end=end, last_step=last_step, by_epoch=by_epoch, verbose=verbose)

    def _get_value(self) -> list[float]:
        """Return the values of the next step, from those of this one: other schedulers may act beside it."""
        values = [group[self.param_name] for group in self.optimizer.param_groups]
        if self.last_step == 0:
            return values
        factor = self._factor(self.last_step) / self._factor(self.last_step - 1)
        return [self.eta_min + (value - self.eta_min) * factor for value in values]

    def _factor(self, step: int) -> float:
        return (1 + math.cos(math.pi * (step * self.epochs // self.horizon) / self.epochs)) / 2
