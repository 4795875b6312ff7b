"""The weights that a run starts from, checked before it starts and loaded in the names of its model."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from .checkpoint import check_checkpoint, fit_weights, read_checkpoint, weights_of
from .errors import UserError


class StartWeightsHook(Hook):
    """Gives mmengine's loader what :func:`.fit_weights` makes of a checkpoint, and says what that was.

    Args:
        path: The file, for messages.
        other_classes: See :func:`.check_checkpoint`.
    """

    priority = 'VERY_HIGH'

    def __init__(self, path: str, other_classes: bool) -> None:
        self.path, self.other_classes = path, other_classes

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """A state to resume is the model's own already."""
        if runner._resume:
            return
        state, notes = fit_weights(bare_model(runner), weights_of(checkpoint, self.path), self.path, self.other_classes)
        checkpoint['state_dict'] = state
        for note in notes:
            runner.logger.warning(f'Checkpoint {self.path}: {note}.')


def prepare_start(runner: Runner, path: str, resume: bool, other_classes: bool) -> None:
    """Check the checkpoint that a run will load, and let it be loaded as what it is.

    Raises:
        UserError: It is of another model, or no state that a training could go on from.
    """
    check_checkpoint(bare_model(runner), path, other_classes)
    if resume:
        _check_resumable(path)
    runner.register_hook(StartWeightsHook(path, other_classes))


def bare_model(runner: Runner) -> nn.Module:
    """The runner's model without what distribution and test-time augmentation put around it."""
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _check_resumable(path: str) -> None:
    checkpoint = read_checkpoint(path)
    meta = checkpoint.get('meta') or {}
    lacking = [key for key in ('iter', 'epoch') if key not in meta]
    lacking += [key for key in ('message_hub',) if key not in checkpoint]
    if lacking:
        raise UserError(
            f'checkpoint {path} holds weights, but no state that a training could go on from (it lacks '
            f'{", ".join(lacking)}): start from the weights by --cfg-options load_from={path} instead of --resume'
        )
