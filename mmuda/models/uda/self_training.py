"""Self-training with a mean teacher: STCT (OpenReview oBXFemWGPWN, Sec. 3.1), as the data flows.

    L = L_s + mean_i Coor_i · L_t,i

L_s is the stock loss on the source, L_t,i the cross-entropy of target image i with the teacher's
labels, Coor_i its coordination weight (Eq. 1). The paper leaves open what the student sees of the
target; here a photometric view, so labels stay in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmuda.domain import DomainBatch
from mmuda.registry import MODELS, build_own

from ..self_training import CoordinationWeight, PseudoLabel, PseudoLabeler, StudentView
from ..tasks import Task
from .base import UDAModel
from .teacher import TEACHER_NORMS, TEACHERS, make_teacher, set_teacher_mode


@MODELS.register_module()
class SelfTrainingUDA(UDAModel):
    """A :class:`UDAModel` with a teacher that labels the target for the student.

    The teacher is updated by :class:`mmuda.MeanTeacherHook` after each step. Whoever else does so says it before the
    first step, by a name in ``teacher_updater``: a training pass without an updater is an error. Teacher and step
    counter are part of the state dict, so a resume is exact.

    Args:
        task, student, terms, predict_on, data_preprocessor: See :class:`UDAModel`; ``predict_on`` may also be
            ``'teacher'``.
        coordination: Config of the coordination weight.
        pseudo_labeler: Config of the pseudo-labeller.
        student_view: Config of the student's strong view (None: the student sees the plain images).
        teacher_norm: ``running`` or ``batch``, see :func:`.teacher.set_teacher_mode`.
        teacher: ``'mean'``, or ``'fixed'`` for a teacher that stays as it was initialised or loaded.
    """

    NETWORKS = ('student', 'teacher')

    def __init__(
        self,
        task: str | dict | Task,
        student: dict | nn.Module,
        terms: dict[str, dict | None] | None = None,
        coordination: dict | None = None,
        pseudo_labeler: dict | None = None,
        student_view: dict | None = None,
        teacher_norm: str = 'running',
        predict_on: str = 'student',
        data_preprocessor: dict | None = None,
        teacher: str = 'mean',
    ) -> None:
        super().__init__(task, student, terms, data_preprocessor=data_preprocessor)
        if teacher_norm not in TEACHER_NORMS:
            raise ValueError(f'teacher_norm={teacher_norm!r} is unknown: use one of {", ".join(TEACHER_NORMS)}.')
        if teacher not in TEACHERS:
            raise ValueError(f'teacher={teacher!r} is unknown: use one of {", ".join(TEACHERS)}.')
        self.teacher = make_teacher(self.student)
        self.teacher_fixed = teacher == 'fixed'
        self.teacher_updater: str | None = None
        self.teacher_norm = teacher_norm
        self._teacher_mode: bool | None = None
        self.coordination: CoordinationWeight = _build(coordination, 'CoordinationWeight')
        self.pseudo_labeler: PseudoLabeler = _build(pseudo_labeler, 'PseudoLabeler')
        self.student_view: StudentView | None = None if student_view is None else _build(student_view, 'StudentView')
        self.predict_on = predict_on

    def init_weights(self) -> None:
        """Initialise the student and start the teacher as its copy; a second call does nothing."""
        if self.is_init:
            return
        super().init_weights()
        self.teacher.load_state_dict(self.student.state_dict())

    def train(self, mode: bool = True) -> SelfTrainingUDA:
        """Everything but the teacher follows ``mode``. The loop calls this before each step."""
        self.training = mode
        for child in self.children():
            if child is not self.teacher:
                child.train(mode)
        if self._teacher_mode != mode or self.teacher.training:
            set_teacher_mode(self.teacher, self.student, self.teacher_norm, mode)
            self._teacher_mode = mode
        return self

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor', **options: Any) -> Any:
        """As :class:`UDAModel`.

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

    def loss(self, inputs: Tensor, data_samples: list, layout: DomainBatch) -> dict[str, Tensor]:
        """Source loss, coordinated target loss and alignment terms of one batch ``[source | target]``."""
        layout = self._draw(inputs, data_samples, layout)  # before the teacher's pass: the host reads group sizes
        pseudo = self._pseudo_label(inputs[layout.num_source :], data_samples[layout.num_source :])
        inputs = self._view(inputs, layout)
        outputs, features = self._student_pass(inputs, layout)
        source, target = self.task.split(outputs, layout.num_source)
        losses = self.task.source_losses(self.student, source, data_samples[: layout.num_source])
        losses |= self._target_losses(target, pseudo)
        return losses | self._term_losses(inputs, outputs, features, data_samples, layout)

    @torch.no_grad()
    def _pseudo_label(self, target: Tensor, samples: list) -> PseudoLabel:
        """Plain target ``[B, 3, H, W]`` → the teacher's labels."""
        outputs = self.task.run(self.teacher, target)
        logits = self.task.logits(self.teacher, outputs, target.shape[-2:])
        return self.pseudo_labeler(logits, self.task.valid(samples, target))

    def _view(self, inputs: Tensor, layout: DomainBatch) -> Tensor:
        """What the student sees: ``[source | target view]``, or views of both."""
        if self.student_view is None:
            return inputs
        host = self.data_preprocessor.host
        mean, std = (
            getattr(host, 'mean', inputs.new_zeros(3, 1, 1)),
            getattr(host, 'std', inputs.new_ones(3, 1, 1)),
        )
        if self.student_view.domains == 'both':
            return self.student_view(inputs, mean, std)
        source, target = layout.split(inputs)
        return torch.cat((source, self.student_view(target, mean, std)))

    def _target_losses(self, outputs: Any, pseudo: PseudoLabel) -> dict[str, Tensor]:
        """``loss_target`` and, for the log, the batch means of the weight and of the pseudo-accuracy."""
        logits = self.task.logits(self.student, outputs, pseudo.label.shape[-2:])
        agreement = self.coordination.agreement(logits, pseudo.label, pseudo.valid)
        weight = self.coordination.weigh(agreement, self.step)
        if pseudo.confidence is not None:
            weight = weight * pseudo.confidence
        loss = self.task.target_loss(logits, pseudo.label, pseudo.valid)
        return dict(
            loss_target=(weight * loss).mean(),
            coordination=weight.mean(),
            pseudo_accuracy=agreement.mean(),
        )


def _build(cfg: dict | nn.Module | None, default: str) -> nn.Module:
    return cfg if isinstance(cfg, nn.Module) else build_own(MODELS, dict(type=default) | dict(cfg or {}))
