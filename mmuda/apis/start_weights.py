"""The weights that a run starts from, checked before it starts and loaded in the names of its model."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from .checkpoint import (
    check_checkpoint,
    first_reason,
    fit_weights,
    read_state,
    unused_weights,
    weights_of,
)
from .errors import UserError
from .foreign_weights import backbone_advice


class StartWeightsHook(Hook):
    """Gives mmengine's loader what :func:`.fit_weights` makes of a checkpoint, and says what that was.

    Args:
        path: The file, for messages.
        to_train: See :func:`.check_checkpoint`.
    """

    priority = 'VERY_HIGH'

    def __init__(self, path: str, to_train: bool) -> None:
        self.path, self.to_train = path, to_train

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Leave a state to resume alone: it is the model's own already."""
        if runner._resume:
            return
        state, notes = fit_weights(bare_model(runner), weights_of(checkpoint, self.path), self.path, self.to_train)
        checkpoint['state_dict'] = state
        for note in notes:
            runner.logger.warning(f'Checkpoint {self.path}: {note}.')


def prepare_start(runner: Runner, path: str, to_train: bool) -> None:
    """Check the checkpoint that a run will load, and let it be loaded as what it is.

    Raises:
        UserError: It is of another model.
    """
    check_checkpoint(bare_model(runner), path, to_train)
    runner.register_hook(StartWeightsHook(path, to_train))


def check_pretrained_parts(model: nn.Module) -> None:
    """Check the weights that parts of a model start from by their ``init_cfg``, where these are local files.

    mmengine loads what fits and merely warns about the rest, so a part would train from random weights.

    Raises:
        UserError: A file most of which has no place in its part.
    """
    for name, part in model.named_modules():
        for init in _pretrained(part):
            state, prefix = read_state(init['checkpoint']), init.get('prefix') or ''
            prefix = prefix and f'{prefix.rstrip(".")}.'
            own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            _check_part(f'{name} ({type(part).__name__})', part, own, init['checkpoint'])


def _pretrained(part: nn.Module) -> list[dict]:
    """Return the part's own initialisations from local files."""
    found = getattr(part, 'init_cfg', None) or []
    inits = [found] if isinstance(found, dict) else found
    return [init for init in inits if init.get('type') == 'Pretrained' and '://' not in str(init.get('checkpoint'))]


def _check_part(name: str, part: nn.Module, state: dict, path: str) -> None:
    try:
        unused = unused_weights(part, state)
    except RuntimeError as error:
        raise UserError(f'the pretrained weights {path} do not fit {name}: {first_reason(error)}') from error
    if not state or 2 * len(unused) > len(state):
        raise UserError(
            f'the pretrained weights {path} are of another network than {name}: {len(unused)} of {len(state)} tensors '
            f'have no place in it{" (" + ", ".join(unused[:3]) + ")" if unused else ""}{backbone_advice(state)}'
        )


def bare_model(runner: Runner) -> nn.Module:
    """Return the runner's model without what distribution and test-time augmentation put around it."""
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model
