"""What leads when a resumed run has other settings than its checkpoint.

The config leads for what it states: length, learning rate, ends of schedules, options of the optimizer, batch size,
processes, precision. The checkpoint leads for position and moments: the iteration, the order of the data and with it
the seed, the optimizer's averages. A changed schedule goes on as if the run had had it from its beginning. Every change
is said in one line.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine import dist
from mmengine.optim import OptimWrapper, OptimWrapperDict, _ParamScheduler

from .counting import built_schedulers

KEY = 'run_settings'
POSITION = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}
"""What of a scheduler is no setting."""
RATES = {'lr', 'initial_lr', 'params'}


class Change(NamedTuple):
    """A setting that is not what it was, and what that means."""

    name: str
    old: Any
    new: Any
    effect: str = 'the new value counts'


def current_settings(runner) -> dict[str, Any]:
    """Return the settings of a run that its states do not hold: plain values for the checkpoint."""
    wrappers = _wrappers(runner)
    return {
        'train_cfg.max_iters': runner.max_iters,
        'train_dataloader.batch_size': runner.train_dataloader.batch_size,
        'processes': dist.get_world_size(),
        'optim_wrapper.type': ', '.join(type(wrapper).__name__ for wrapper in wrappers.values()),
        'optim_wrapper.accumulative_counts': max(wrapper._accumulative_counts for wrapper in wrappers.values()),
        'optimizer.type': ', '.join(type(wrapper.optimizer).__name__ for wrapper in wrappers.values()),
    }


def reconcile(runner, checkpoint: dict) -> None:
    """Change ``checkpoint``, which is about to be resumed, so that the config leads where it should; say what changed.

    Raises:
        ValueError: A checkpoint beyond the end of the training, or of an optimizer with other groups of parameters.
    """
    iteration = checkpoint['meta']['iter']
    _check_position(runner, iteration)
    changes = [*_changed_settings(runner, checkpoint), *_kept_seed(runner, checkpoint)]
    if 'optimizer' not in checkpoint:
        runner.logger.warning('The checkpoint holds no state of the optimizer: its moments start anew.')
    if 'optimizer' not in checkpoint or any(change.name == 'optimizer.type' for change in changes):
        checkpoint['optimizer'] = runner.optim_wrapper.state_dict()
    changes += _lead_by_config(runner, checkpoint, iteration)
    for change in changes:
        runner.logger.warning(
            f'Resume with another setting: {change.name} was {change.old} in the checkpoint and is {change.new} now; '
            f'{change.effect}.'
        )


def _check_position(runner, iteration: int) -> None:
    last = runner.max_iters
    if iteration > last:
        raise ValueError(
            f'The checkpoint is at iteration {iteration}, beyond the end of this training at iteration {last}: resume '
            'an earlier one, or raise train_cfg.max_iters.'
        )
    if iteration == last:
        runner.logger.warning(
            f'The checkpoint is at iteration {iteration}, the last of this training: nothing is left to train; raise '
            'train_cfg.max_iters to go on.'
        )


def _changed_settings(runner, checkpoint: dict) -> Iterator[Change]:
    before, now = checkpoint.get(KEY, {}), current_settings(runner)
    per_process = now['train_dataloader.batch_size'] * now['optim_wrapper.accumulative_counts']
    data = (
        f'a step of the optimizer has {per_process * now["processes"]} samples in all, and the data go on as if it had '
        'been so from the beginning'
    )
    effects = {
        'train_dataloader.batch_size': data,
        'processes': data,
        'optimizer.type': 'its moments start anew',
    }
    for name, new in now.items():
        old = before.get(name, new)
        if old != new:
            yield Change(name, old, new, effects.get(name, 'the new value counts'))


def _kept_seed(runner, checkpoint: dict) -> Iterator[Change]:
    """mmengine takes the checkpoint's seed, too, and would say so in a line of its own if the config's were left."""
    old, new = checkpoint['meta'].get('seed'), runner._randomness_cfg.get('seed')
    if old is not None and new is not None and old != new:
        runner._randomness_cfg.update(seed=None)
        yield Change('randomness.seed', old, new, f'{old} stays, on which the order of the data depends')


def _lead_by_config(runner, checkpoint: dict, iteration: int) -> list[Change]:
    """Write the config's settings of optimizers and schedulers into the checkpoint's states; return what changed."""
    changes = []
    saved_schedulers = checkpoint.get('param_schedulers')
    for name, wrapper in _wrappers(runner).items():
        several = isinstance(runner.optim_wrapper, OptimWrapperDict)
        state = checkpoint['optimizer'][name] if several else checkpoint['optimizer']
        schedulers = [x for x in built_schedulers(runner) if x.optimizer is wrapper]
        saved = (saved_schedulers or {}).get(name, []) if isinstance(saved_schedulers, dict) else saved_schedulers or []
        _check_groups(wrapper, state)
        options = _changed_options(wrapper, state, {'momentum', 'betas'} if _schedules_momentum(schedulers) else set())
        schedule = _changed_schedule(wrapper, state, schedulers, saved)
        changes += options + schedule
        if schedule:
            replayed = _replay(wrapper, state, schedulers, iteration, checkpoint['meta'].get('epoch', 0))
            if isinstance(saved_schedulers, dict):
                saved_schedulers[name] = replayed
            else:
                checkpoint['param_schedulers'] = replayed
    return changes


def _changed_options(wrapper: OptimWrapper, state: dict, scheduled: set[str]) -> list[Change]:
    """Write the config's options, such as the weight decay, into an optimizer's state; return what changed."""
    found: dict[str, Change] = {}
    for group, saved in zip(wrapper.optimizer.param_groups, state['param_groups'], strict=True):
        for key in group.keys() - RATES - scheduled:
            if key in saved and _plain(saved[key]) != _plain(group[key]):
                found.setdefault(key, Change(f'optimizer.{key}', saved[key], group[key]))
            saved[key] = group[key]
    return list(found.values())


def _changed_schedule(
    wrapper: OptimWrapper, state: dict, schedulers: list[_ParamScheduler], saved: list[dict]
) -> list[Change]:
    """Return the first difference of the initial rates and of the schedulers' settings."""
    for group, before in zip(wrapper.optimizer.param_groups, state['param_groups'], strict=True):
        old, new = before.get('initial_lr', before['lr']), group.get('initial_lr', group['lr'])
        if old != new:
            return [Change('learning rate', f'{old:g}', f'{new:g}', 'the new one is scheduled from here on')]
    effect = 'the rate goes on as if the schedule had been so from the beginning'
    if len(schedulers) != len(saved):
        return [Change('number of schedulers', len(saved), len(schedulers), effect)]
    for number, (scheduler, before) in enumerate(zip(schedulers, saved, strict=True)):
        if getattr(scheduler, 'need_val_args', False):
            continue  # its settings and the scores that it has seen are one state
        now = scheduler.state_dict()
        for key in sorted((now.keys() | before.keys()) - POSITION):
            if now.get(key) != before.get(key):
                return [Change(f'param_scheduler[{number}].{key}', before.get(key), now.get(key), effect)]
    return []


def _replay(
    wrapper: OptimWrapper, state: dict, schedulers: list[_ParamScheduler], iteration: int, epoch: int
) -> list[dict]:
    """Take the fresh ``schedulers`` to ``iteration``, put the rates there into ``state`` and return their states."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # schedulers that step before their optimizer
        for number in range(1, iteration + 1):
            for scheduler in schedulers:
                if not scheduler.by_epoch or (epoch and number % (iteration // epoch) == 0):
                    scheduler.step()
    for group, saved in zip(wrapper.optimizer.param_groups, state['param_groups'], strict=True):
        saved.update({key: value for key, value in group.items() if key != 'params'})
    if wrapper.base_param_settings is not None:
        state['base_param_settings'] = wrapper.base_param_settings
    return [scheduler.state_dict() for scheduler in schedulers]


def _check_groups(wrapper: OptimWrapper, state: dict) -> None:
    now, before = (
        [len(group['params']) for group in groups] for groups in (wrapper.optimizer.param_groups, state['param_groups'])
    )
    if now != before:
        raise ValueError(
            f'The optimizer has {len(now)} groups of parameters of sizes {now}, but that of the checkpoint had '
            f'{len(before)} of sizes {before}, so its moments fit no parameter: resume with the paramwise_cfg and the '
            'model of the checkpoint, or start a run of its own with load_from.'
        )


def _plain(value: Any) -> Any:
    """Return a value to compare: a list of a config is the tuple of a checkpoint."""
    return tuple(value) if isinstance(value, list) else value


def _schedules_momentum(schedulers: list[_ParamScheduler]) -> bool:
    return any(scheduler.param_name == 'momentum' for scheduler in schedulers)


def _wrappers(runner) -> dict[str, OptimWrapper]:
    wrapper = runner.optim_wrapper
    return dict(wrapper.items()) if isinstance(wrapper, OptimWrapperDict) else {'': wrapper}
