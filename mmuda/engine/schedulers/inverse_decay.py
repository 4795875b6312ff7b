"""The learning rate of adversarial adaptation (DANN, Ganin et al., JMLR 2016, Sec. 5.2.2).

lr_p = lr_0 · (1 + α·p)^(−β)        α = 10, β = 0.75, p = step / horizon
"""

from __future__ import annotations

from mmengine.optim import _ParamScheduler
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF

from mmuda.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class InverseDecayLR(LRSchedulerMixin, _ParamScheduler):
    """``lr_0 · (1 + alpha · p)^(-beta)``, p from ``begin`` on.

    Args:
        optimizer: The optimizer, or its wrapper.
        alpha: α.
        beta: β.
        horizon: Steps after which p is 1; p may grow further (None: all the steps from ``begin`` to ``end``, and
            without an ``end`` in the config to the last of the training). The codes of CDAN and TransNorm have
            lr_0 · (1 + 0.001 · step)^(−0.75), which is a horizon of 10,000, and train for longer.
        begin, end, last_step, by_epoch, verbose: As for mmengine's schedulers: a training that counts steps needs
            ``by_epoch=False``, and an ``end`` that the config leaves out is its last step.
    """

    def __init__(
        self,
        optimizer,
        alpha: float = 10.0,
        beta: float = 0.75,
        horizon: int | None = None,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        if horizon is None and end >= INF:
            raise ValueError(
                'InverseDecayLR has neither horizon nor end, so the rate would not fall: give one of them (a runner '
                'sets end to the length of the training).'
            )
        self.horizon = end - begin if horizon is None else horizon
        if alpha < 0 or beta < 0 or self.horizon <= 0:
            raise ValueError(
                f'InverseDecayLR has alpha={alpha}, beta={beta} and horizon={self.horizon}: alpha and beta must not be '
                'negative, and the horizon is a positive number of steps.'
            )
        super().__init__(optimizer, begin=begin, end=end, last_step=last_step, by_epoch=by_epoch, verbose=verbose)

    def _get_value(self) -> list[float]:
        """Return the values of the next step, from those of this one: other schedulers may act beside it."""
        values = [group[self.param_name] for group in self.optimizer.param_groups]
        if self.last_step == 0:
            return values
        factor = self._factor(self.last_step) / self._factor(self.last_step - 1)
        return [value * factor for value in values]

    def _factor(self, step: int) -> float:
        return (1 + self.alpha * step / self.horizon) ** -self.beta
