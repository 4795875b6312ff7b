"""What a UDA model asks of a host library: the only seam between the method and mmseg or mmpretrain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from mmuda import compat
from mmuda.registry import TASKS, build_own

HOSTS = dict(segmentation=('mmseg',), classification=('mmpretrain', 'torchvision'))
"""What each task of ours imports; a task's module is imported when the task is built."""


class Task(ABC):
    """Knows how to run a host library's network in parts. Stateless: networks are arguments.

    ``outputs`` is whatever the network's heads return for a batch; only the task looks inside.
    """

    labels_images = False
    """Whether an image has one label rather than a map of them."""

    @abstractmethod
    def build(self, cfg: dict | nn.Module) -> nn.Module:
        """Build the network from its stock config, or check a built one."""

    @abstractmethod
    def run(self, net: nn.Module, inputs: Tensor, auxiliary: bool = False) -> Any:
        """One pass over ``[B, 3, H, W]``: the raw outputs of the main head, and of the auxiliary ones if asked for."""

    @abstractmethod
    def split(self, outputs: Any, num_source: int) -> tuple[Any, Any]:
        """Outputs of ``[source | target]`` → outputs of each."""

    @abstractmethod
    def labels(self, samples: list) -> Tensor:
        """The label tensor of the samples."""

    def pseudo_labels(self, samples: list) -> Tensor | None:
        """``[B]`` int64 classes that clustering gave target images, on the CPU; negative where one has none.

        None where no sample has one, and where images have maps of labels.
        """
        found = [sample.metainfo.get('pseudo_label') for sample in samples]
        if not self.labels_images or all(label is None for label in found):
            return None
        return torch.tensor([-1 if label is None else label for label in found])

    @abstractmethod
    def source_losses(self, net: nn.Module, outputs: Any, samples: list) -> dict[str, Tensor]:
        """The stock losses on labelled samples; the main head's sum is ``loss_source``."""

    @abstractmethod
    def logits(self, net: nn.Module, outputs: Any, size: tuple[int, int] | None = None) -> Tensor:
        """The main head's class scores, at label size when ``size`` (H, W) is given."""

    @abstractmethod
    def valid(self, samples: list, inputs: Tensor) -> Tensor | None:
        """True where the input is image rather than padding; None when there is no padding."""

    @abstractmethod
    def target_loss(self, logits: Tensor, label: Tensor, valid: Tensor | None) -> Tensor:
        """Cross-entropy of each target sample ``[B]``, averaged over its valid pixels."""


def build_task(task: str | dict | Task) -> Task:
    """``'segmentation'``, ``'classification'``, a config dict or a ready task → the task."""
    if isinstance(task, Task):
        return task
    name = task if isinstance(task, str) else task.get('type')
    if name in HOSTS:
        compat.require(*HOSTS[name])
        import_module(f'..{name}', __name__)
    return build_own(TASKS, dict(type=task) if isinstance(task, str) else task)
