"""More checkpoints of one config beside the first, whose probabilities are averaged."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmuda.models.ensemble import Ensemble

from .checkpoint import load_checkpoint
from .errors import UserError
from .shared_classes import checkpoint_classes
from .start_weights import bare_model


def check_ensemble(first: str | Path, others: Sequence[str | Path]) -> None:
    """Refuse checkpoints that are missing or of other classes, before a model is built.

    Args:
        first: The checkpoint whose classes all must have.
        others: The other checkpoints.

    Raises:
        UserError: One is.
    """
    classes = checkpoint_classes(first) if others else None
    for path in others:
        _check_classes(first, classes, path)


def loaded_copies(model: nn.Module, others: Sequence[str | Path]) -> list[nn.Module]:
    """Return copies of a model with the weights of other checkpoints, which :func:`check_ensemble` has seen.

    Args:
        model: The model; its weights do not matter.
        others: The checkpoints.

    Raises:
        UserError: A checkpoint of another network.
    """
    networks = []
    for path in others:
        networks.append(copy.deepcopy(model))
        load_checkpoint(networks[-1], path)
    return networks


def _check_classes(first: str | Path, ours: list[str] | None, path: str | Path) -> None:
    """Compare the classes where both checkpoints know theirs; their number is checked when weights are loaded."""
    theirs = checkpoint_classes(path)
    if ours is None or theirs is None:
        return
    for number, (mine, its) in enumerate(zip_longest(ours, theirs, fillvalue='none')):
        if mine != its:
            raise UserError(
                f"checkpoint {path} has other classes than {first}: class {number} is '{its}' in it and '{mine}' "
                'there; an ensemble averages the probabilities of the same classes'
            )


class EnsembleHook(Hook):
    """Lets further networks predict beside that of the run, once its checkpoint is loaded.

    Args:
        networks: The others.
    """

    priority = 'VERY_HIGH'

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.networks = networks

    def before_test(self, runner: Runner) -> None:
        """Put the ensemble where the network stood, within what distribution and augmentation put around it."""
        model = bare_model(runner)
        device = next(model.parameters()).device
        holder, name = runner, 'model'
        while getattr(holder, name) is not model:
            holder, name = getattr(holder, name), 'module'
        setattr(holder, name, Ensemble([model, *(network.to(device) for network in self.networks)]))
