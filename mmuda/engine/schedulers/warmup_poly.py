"""The schedule of SegFormer and DAFormer, a linear warm-up and then a polynomial decay, which scales with the training.

    lr_n = lr_0 · (f + (1 − f) · n / (W − 1))                        n < W           f: start_factor
    lr_n = lr_min + (lr_0 − lr_min) · (1 − (n − W) / (N − W − 1))^power    n ≥ W

N = end − begin are the steps of the schedule and W = warmup · N those of its warm-up: a shorter training has a shorter
one. The values are those of mmengine's LinearLR and PolyLR in a row, to the bit.

mmcv 1.x, with which SegFormer, DAFormer, HRDA and MIC were released, multiplies the two instead (``style='released'``):

    lr_n = w_n · (lr_min + (lr_0 − lr_min) · (1 − n / N)^power)    w_n = 1 − (1 − f) · (1 − n / W)  below W, then 1

With W = 1,500 of N = 40,000 its highest rate is 3.75 % lower.

VFM-UDA warms up as above, to the whole rate, and then goes on where a decay without warm-up would be, a step lower
(``style='cut'``):

    lr_n = lr_min + (lr_0 − lr_min) · (1 − n / N)^power             n ≥ W
"""

from __future__ import annotations

from mmengine.optim import _ParamScheduler
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF

from mmuda.registry import PARAM_SCHEDULERS

STYLES = ('in_a_row', 'released', 'cut')


@PARAM_SCHEDULERS.register_module()
class WarmupPolyLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up over a share of the steps, then a polynomial decay.

    Args:
        optimizer: The optimizer, or its wrapper.
        warmup: The warm-up's share of the steps, in [0, 1). Less than two steps are none.
        start_factor: f in (0, 1]; the first step has lr_0 · f.
        power: Of the decay; 1 is a straight line.
        eta_min: lr_min, the rate of the last step; of the step after it in the other styles than ``in_a_row``.
        style: ``in_a_row``: the decay begins where the warm-up ends. ``released``: it begins with the warm-up, and they
            are multiplied. ``cut``: it begins with the warm-up, which hides it while it lasts.
        begin, end, last_step, by_epoch, verbose: As for mmengine's schedulers: a training that counts steps needs
            ``by_epoch=False``, and an ``end`` that the config leaves out is its last step.
    """

    style = 'in_a_row'
    """Part of the state only where it is another: states of checkpoints from before there were styles have none."""

    def __init__(
        self,
        optimizer,
        warmup: float,
        start_factor: float = 1e-6,
        power: float = 1.0,
        eta_min: float = 0.0,
        style: str = 'in_a_row',
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        if not 0 <= warmup < 1 or not 0 < start_factor <= 1:
            raise ValueError(
                f'WarmupPolyLR has warmup={warmup} and start_factor={start_factor}: the first is a share of the '
                'training in [0, 1), the second one of the learning rate in (0, 1].'
            )
        if style not in STYLES:
            raise ValueError(f'WarmupPolyLR has style={style!r}: use one of {", ".join(STYLES)}.')
        if end >= INF:
            raise ValueError(
                'WarmupPolyLR has no end, of which its warm-up would be a share: give one (a runner sets it to the '
                'length of the training).'
            )
        steps = round(warmup * (end - begin))
        self.warmup_steps = steps if steps > 1 else 0
        self.decay_steps = end - begin - (self.warmup_steps + 1 if style == 'in_a_row' else 0)
        if style != self.style:
            self.style = style
        self.start_factor = start_factor
        self.power = power
        self.eta_min = eta_min
        super().__init__(optimizer, begin=begin, end=end, last_step=last_step, by_epoch=by_epoch, verbose=verbose)

    def _get_value(self) -> list[float]:
        """Return the values of the next step, from those of this one: other schedulers may act beside it."""
        values = [group[self.param_name] for group in self.optimizer.param_groups]
        if self.style == 'released':
            before, now = (self._share(step) for step in (self.last_step - 1, self.last_step))
            return [self._decayed(value / before, self.last_step) * now for value in values]
        past = self.last_step - self.warmup_steps
        if self.style == 'cut' and past >= 0:
            return [self._cut(value, past) for value in values]
        return [value * self._growth() if past < 0 else self._decayed(value, past) for value in values]

    def _decayed(self, value: float, step: int) -> float:
        """Return the rate at a step of the decay, from that of the one before."""
        if step == 0:
            return value
        shrinkage = (1 - 1 / (self.decay_steps - step + 1)) ** self.power
        return (value - self.eta_min) * shrinkage + self.eta_min

    def _cut(self, value: float, past: int) -> float:
        """Return the rate of the decay, from the whole one in its first step after the warm-up."""
        if past or not self.last_step:
            return self._decayed(value, self.last_step)
        return (value - self.eta_min) * (1 - self.last_step / self.decay_steps) ** self.power + self.eta_min

    def _share(self, step: int) -> float:
        """Compute w of the released warm-up; there is no step before the first, whose rate is whole."""
        if step < 0 or step >= self.warmup_steps:
            return 1.0
        return 1 - (1 - self.start_factor) * (1 - step / self.warmup_steps)

    def _growth(self) -> float:
        """Tell how much larger the rate of this step of the warm-up is than that of the last."""
        if self.last_step == 0:
            return self.start_factor
        rise = 1.0 - self.start_factor
        return 1.0 + rise / ((self.warmup_steps - 1) * self.start_factor + (self.last_step - 1) * rise)
