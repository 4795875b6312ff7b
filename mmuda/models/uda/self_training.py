"""Self-training with a mean teacher: STCT (OpenReview oBXFemWGPWN, Sec. 3.1), DACS and all that follow them.

    L = L_s + mean_i Coor_i · L_t,i

is STCT's: L_s the stock loss on the source, L_t,i the loss of target image i with the teacher's labels, Coor_i its
coordination weight (Eq. 1). What the student sees of the target is a view, and so another method's mixed images are.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmuda.registry import MODELS

from ..tasks import Task
from .base import UDAModel
from .methods import with_methods
from .teacher import TEACHER_NORMS, TEACHERS, make_teacher, set_teacher_mode


@MODELS.register_module()
class SelfTrainingUDA(UDAModel):
    """A :class:`UDAModel` with a teacher that labels the target for the student.

    The teacher is updated by :class:`mmuda.MeanTeacherHook` after each step. Whoever else does so says it before the
    first step, by a name in ``teacher_updater``: a training pass without an updater is an error. Teacher and step
    counter are part of the state dict, so a resume is exact.

    Args:
        task, student: See :class:`UDAModel`.
        labeller: Config of the labeller (None: :class:`mmuda.TeacherLabels`).
        teacher_norm: ``running`` or ``batch``, see :func:`.teacher.set_teacher_mode`.
        predict_on: ``'student'`` or ``'teacher'``.
        teacher: ``'mean'``, or ``'fixed'`` for a teacher that stays as it was initialised or loaded.
        kwargs: Further arguments of :class:`UDAModel`.
    """

    NETWORKS = ('student', 'teacher')

    @with_methods
    def __init__(
        self,
        task: str | dict | Task,
        student: dict | nn.Module,
        labeller: dict | None = None,
        teacher_norm: str = 'running',
        predict_on: str = 'student',
        teacher: str = 'mean',
        **kwargs,
    ) -> None:
        super().__init__(task, student, labeller=labeller or dict(type='TeacherLabels'), **kwargs)
        if teacher_norm not in TEACHER_NORMS:
            raise ValueError(f'teacher_norm={teacher_norm!r} is unknown: use one of {", ".join(TEACHER_NORMS)}.')
        if teacher not in TEACHERS:
            raise ValueError(f'teacher={teacher!r} is unknown: use one of {", ".join(TEACHERS)}.')
        self.teacher = make_teacher(self.student)
        self.teacher_fixed = teacher == 'fixed'
        self.teacher_updater: str | None = None
        self.teacher_norm = teacher_norm
        self._teacher_mode: bool | None = None
        self.predict_on = predict_on

    def init_weights(self) -> None:
        """Initialise the student and start the teacher as its copy; a second call does nothing."""
        if self.is_init:
            return
        super().init_weights()
        self.teacher.load_state_dict(self.student.state_dict())

    def train(self, mode: bool = True) -> SelfTrainingUDA:
        """Set the mode of everything but the teacher. The loop calls this before each step."""
        self.training = mode
        for child in self.children():
            if child is not self.teacher:
                child.train(mode)
        if self._teacher_mode != mode or self.teacher.training:
            set_teacher_mode(self.teacher, self.student, self.teacher_norm, mode)
            self._teacher_mode = mode
        return self

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor', **options: Any) -> Any:
        """Do as :class:`UDAModel`.

        Raises:
            RuntimeError: A training pass with a mean teacher that nobody updates.
        """
        if mode == 'loss' and self.training and not (self.teacher_fixed or self.teacher_updater):
            raise RuntimeError(
                f'{type(self).__name__} learns from a mean teacher, but nobody updates it: add '
                "custom_hooks=[dict(type='mmuda.MeanTeacherHook')] or use runner_type='mmuda.MeanTeacherRunner'; with "
                "teacher='fixed' it stays as it is."
            )
        return super().forward(inputs, data_samples, mode, **options)
