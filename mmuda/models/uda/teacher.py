"""The mean teacher: a frozen copy of the student that only averages and labels."""

from __future__ import annotations

from copy import deepcopy

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

TEACHER_NORMS = ('running', 'batch')


def make_teacher(student: nn.Module) -> nn.Module:
    """A deep copy without gradients and in evaluation mode; its domain context, if any, is its own."""
    teacher = deepcopy(student).requires_grad_(False)
    teacher.eval()
    return teacher


def set_teacher_mode(teacher: nn.Module, norm: str, training: bool) -> None:
    """Dropout and drop path are off at all times; only batch norms may work on the batch.

    Args:
        teacher: The teacher.
        norm: ``running``: batch norms use the student's running statistics, copied at every update.
            ``batch``: in training they use the statistics of the target batch, as in DAFormer's
            released code.
        training: Whether the model is in training.
    """
    teacher.eval()
    if training and norm == 'batch':
        for module in teacher.modules():
            if isinstance(module, _BatchNorm):
                module.train()
