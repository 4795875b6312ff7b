"""What counts epochs in a training that counts iterations never moves: such a setting is an error."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.hooks import CheckpointHook, ProfilerHook
from mmengine.optim import _ParamScheduler
from mmengine.runner import IterBasedTrainLoop


def check_counting(runner) -> None:
    """Refuse schedulers and hooks that wait for epochs of an iteration loop, which has one, at its end.

    Raises:
        ValueError: There is one.
    """
    if not isinstance(runner.train_loop, IterBasedTrainLoop):
        return
    schedulers = [(f'param_scheduler {type(x).__name__}', x) for x in built_schedulers(runner)]
    hooks = [(type(x).__name__, x) for x in runner.hooks if isinstance(x, (CheckpointHook, ProfilerHook))]
    for name, part in schedulers + hooks:
        if part.by_epoch:
            raise ValueError(
                f'{name} counts epochs (by_epoch=True, the default of mmengine), but the training counts iterations, '
                'so it would never act before the end: set its by_epoch=False.'
            )


def built_schedulers(runner) -> Iterator[_ParamScheduler]:
    """Yield all schedulers of a run, whatever its number of optimizers."""
    found = runner.param_schedulers or []
    for part in found.values() if isinstance(found, dict) else [found]:
        yield from part
