"""The mean teacher: a frozen copy of the student that only averages and labels."""

from __future__ import annotations

from copy import deepcopy

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.domain import DomainLayer

from ..layers import set_exact
from ..layers.inference_pass import single_values_by_running

TEACHERS = ('mean', 'fixed')
TEACHER_NORMS = ('running', 'batch')


def make_teacher(student: nn.Module) -> nn.Module:
    """Make a deep copy without gradients and in evaluation mode; its domain context, if any, is its own."""
    teacher = deepcopy(student).requires_grad_(False)
    teacher.eval()
    single_values_by_running(teacher)
    return teacher


def set_teacher_mode(teacher: nn.Module, student: nn.Module, norm: str, training: bool) -> None:
    """Set the teacher's mode: dropout and drop path are off at all times; only batch norms may work on the batch.

    Args:
        teacher: The teacher.
        student: Its student, in its own mode already: a norm that is frozen there stays frozen here.
        norm: ``running``: batch norms use the student's running statistics, copied at every update. ``batch``: in
            training they use the target batch's, as in DAFormer's released code; where one image is pooled to one
            value per channel, as in an ASPP, running statistics all the same.
        training: Whether the model is in training.
    """
    teacher.eval()
    set_exact(teacher, not training)  # labels are an argmax; scores of an evaluation are mmseg's to the bit
    if not training or norm != 'batch':
        return
    for module, twin in zip(teacher.modules(), student.modules(), strict=True):
        if isinstance(module, _BatchNorm) and not isinstance(module, DomainLayer):
            module.training = twin.training
