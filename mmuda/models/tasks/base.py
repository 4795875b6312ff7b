"""What a UDA model asks of a host library: the only seam between the method and mmseg or mmpretrain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import Any

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
    def num_classes(self, net: nn.Module) -> int | None:
        """Return how many classes the main head tells apart; None where it does not say."""

    @abstractmethod
    def run(self, net: nn.Module, inputs: Tensor, auxiliary: bool = False) -> Any:
        """Pass ``[B, 3, H, W]`` once: the raw outputs of the main head, and of the auxiliary ones if asked for."""

    @abstractmethod
    def split(self, outputs: Any, sizes: Sequence[int]) -> tuple[Any, ...]:
        """Split outputs of a batch into outputs of each part of it, so many rows each."""

    @abstractmethod
    def join(self, parts: Sequence[Any]) -> Any:
        """Join outputs of several batches to outputs of all their rows."""

    @abstractmethod
    def labels(self, samples: Sequence) -> Tensor:
        """Return the label tensor of the samples."""

    @abstractmethod
    def losses(
        self,
        net: nn.Module,
        outputs: Any,
        label: Tensor,
        weight: Tensor | None = None,
        reduction: str | None = None,
    ) -> dict[str, Tensor]:
        """Return the heads' own losses, whatever view they are of: the one way to a supervised loss.

        Args:
            net: The network.
            outputs: Of N rows.
            label: ``[N, H, W]`` or ``[N]`` class indices; 255 in a map and a negative label of an image do not count.
            weight: ``[N]`` or ``[N, H, W]``, how much each counts (None: 1).
            reduction: ``valid``: each image's mean over the places that count, then the mean over images. ``all``: the
                mean over all places. None: as the head's config says.

        Returns:
            ``loss`` of the main head, and ``loss_auxiliary`` of the others together if there are any.
        """

    @abstractmethod
    def scores(self, net: nn.Module, outputs: Any, label: Tensor, samples: Sequence) -> dict[str, Tensor]:
        """Return what the heads log beside their losses on labelled samples, such as accuracies."""

    @abstractmethod
    def logits(self, net: nn.Module, outputs: Any, size: tuple[int, int] | None = None) -> Tensor:
        """Return the main head's class scores, at label size when ``size`` (H, W) is given."""

    def auxiliary_logits(self, net: nn.Module, outputs: Any, size: tuple[int, int] | None = None) -> tuple[Tensor, ...]:
        """Return the auxiliary heads' class scores, as :meth:`logits`; none where a task knows no such heads."""
        return ()

    @abstractmethod
    def valid(self, samples: Sequence, inputs: Tensor) -> Tensor | None:
        """Return where the input is image rather than padding (True); None when there is no padding."""


class Outputs:
    """What a network's heads gave for the rows of a view, and the task that can read it."""

    def __init__(self, task: Task, net: nn.Module, raw: Any) -> None:
        self.task, self.net, self.raw = task, net, raw

    @staticmethod
    def joined(parts: Sequence[Outputs]) -> Outputs:
        """Join the rows of several views of one network."""
        first = parts[0]
        return first if len(parts) == 1 else Outputs(first.task, first.net, first.task.join([x.raw for x in parts]))

    def logits(self, size: tuple[int, int] | None = None) -> Tensor:
        """See :meth:`Task.logits`."""
        return self.task.logits(self.net, self.raw, size)

    def auxiliary_logits(self, size: tuple[int, int] | None = None) -> tuple[Tensor, ...]:
        """See :meth:`Task.auxiliary_logits`."""
        return self.task.auxiliary_logits(self.net, self.raw, size)

    def losses(self, label: Tensor, weight: Tensor | None = None, reduction: str | None = None) -> dict[str, Tensor]:
        """See :meth:`Task.losses`."""
        return self.task.losses(self.net, self.raw, label, weight, reduction)

    def scores(self, label: Tensor, samples: Sequence) -> dict[str, Tensor]:
        """See :meth:`Task.scores`."""
        return self.task.scores(self.net, self.raw, label, samples)


def build_task(task: str | dict | Task) -> Task:
    """Build the task of ``'segmentation'``, ``'classification'``, a config dict or a ready task."""
    if isinstance(task, Task):
        return task
    name = task if isinstance(task, str) else task.get('type')
    if name in HOSTS:
        compat.require(*HOSTS[name])
        import_module(f'..{name}', __name__)
    return build_own(TASKS, dict(type=task) if isinstance(task, str) else task)
