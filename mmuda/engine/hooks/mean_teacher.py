"""The teacher's update after each optimizer step."""

from __future__ import annotations

from mmengine.hooks import Hook
from torch import Tensor, nn

from mmuda.functional import ema_momentum, ema_update_
from mmuda.registry import HOOKS

from ..clock import set_step
from ..sharding import own_part
from ..wrapping import unwrapped


@HOOKS.register_module()
class MeanTeacherHook(Hook):
    """teacher = (1 − m_t) · teacher + m_t · student with m_t = max(1 / (t + 1), momentum).

    t counts the updates and follows from the loop's iteration, so a resume goes on where it
    stopped. The model is told before the first step that this hook updates its teacher. Under
    gradient accumulation the teacher moves when the optimizer does; checkpoint at a multiple of
    ``accumulative_counts`` then, as mmengine does not save half a sum of gradients.

    Args:
        momentum: The student's share m; 0.001 is the usual "EMA decay 0.999".
        keep_initial: Whether the teacher's first weights stay in its average: m_t = max(1 / (t + 2), m), as DAFormer,
            HRDA and MIC have it by moving the teacher at the beginning of a step.
        copy_buffers: Whether the teacher takes the student's buffers, such as running statistics. DACS, DAFormer, HRDA
            and MIC leave the teacher its own, which move by themselves with the model's ``teacher_norm='batch'``.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self, momentum: float = 0.001, keep_initial: bool = False, copy_buffers: bool = True) -> None:
        if not 0 < momentum <= 1:
            raise ValueError(
                f'MeanTeacherHook has momentum={momentum}: teacher = (1 − m)·teacher + m·student needs m in (0, 1].'
            )
        self.momentum = momentum
        self.keep_initial = keep_initial
        self.copy_buffers = copy_buffers
        self.updates = 0
        self._parameters: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._buffers: list[tuple[list[Tensor], list[Tensor]]] = []

    def before_train(self, runner) -> None:
        """Pair the tensors of teacher and student, and tell the model who updates its teacher."""
        model = unwrapped(runner.model)
        if not hasattr(model, 'teacher'):
            raise TypeError(
                f'MeanTeacherHook needs a model with a teacher, but {type(model).__name__} has none: '
                "use type='SelfTrainingUDA'."
            )
        if getattr(model, 'teacher_fixed', False):
            raise ValueError(
                "MeanTeacherHook updates the teacher after each step, but the model has teacher='fixed': leave out one "
                'of the two.'
            )
        if not self.copy_buffers:
            _check_own_statistics(model)
        set_step(runner)
        model.teacher_updater = type(self).__name__
        self.updates = runner.iter // runner.optim_wrapper._accumulative_counts
        self._parameters = (
            [own_part(x) for x in model.teacher.parameters()],
            [own_part(x) for x in model.student.parameters()],
        )
        if self.copy_buffers:
            self._buffers = _by_dtype(list(model.teacher.buffers()), list(model.student.buffers()))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Update all parameters in one fused operation, and the buffers of each type in one."""
        if not runner.optim_wrapper.should_update():
            return
        ema_update_(*self._parameters, ema_momentum(self.updates, self.momentum, self.keep_initial))
        for teacher, student in self._buffers:
            ema_update_(teacher, student, 1)
        self.updates += 1


def _check_own_statistics(model: nn.Module) -> None:
    """Refuse a teacher whose running statistics nobody moves and that labels by them."""
    counts = any(getattr(module, 'running_mean', None) is not None for module in model.teacher.modules())
    if counts and getattr(model, 'teacher_norm', 'batch') == 'running':
        raise ValueError(
            "MeanTeacherHook has copy_buffers=False, which leaves the teacher's running statistics as they began, and "
            "the model has teacher_norm='running', which labels by them: set teacher_norm='batch'."
        )


def _by_dtype(teacher: list[Tensor], student: list[Tensor]) -> list[tuple[list[Tensor], list[Tensor]]]:
    """Return pairs of lists of one type each: a mixed list falls back to one kernel a tensor."""
    types = dict.fromkeys(x.dtype for x in teacher)
    return [([x for x in teacher if x.dtype == t], [x for x in student if x.dtype == t]) for t in types]
