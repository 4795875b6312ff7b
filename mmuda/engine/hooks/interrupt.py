"""A training that a signal asks to end: it finishes the step, writes a checkpoint and says how to go on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from mmengine.hooks import CheckpointHook, Hook
from mmengine.optim import OptimWrapperDict

from mmuda.processes import DEFAULT_LIMIT, Agreement, Interrupted, defer, requested
from mmuda.registry import HOOKS


@HOOKS.register_module()
class InterruptHook(Hook):
    """Stops after the same step on all ranks when one of them got SIGTERM, SIGINT or SIGUSR1.

    It comes last after a step, when the teacher, the schedules and the model's ``step`` have moved, so a resume ends
    with the bits of a run that was not interrupted. Under gradient accumulation it goes on to the next update: half a
    sum of gradients is in no checkpoint. In a validation it stops after the batch. The checkpoint is that of the run's
    ``CheckpointHook``, under its name for this step.

    Args:
        timeout: Seconds that ranks wait for each other.
    """

    priority = 'LOWEST'

    def __init__(self, timeout: float = DEFAULT_LIMIT) -> None:
        self.timeout = timeout
        self._number = 0
        self._batches, self._batch, self._agrees = 0, -1, False
        self._agreement: Agreement | None = None

    def before_train(self, runner) -> None:
        """Make the ranks' own group."""
        self._agreement = Agreement(self.timeout)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Let a signal wait for the end of a step, and tell the other ranks of one that came."""
        defer()
        self._agreement.propose(requested())

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Stop where all ranks know that one of them shall."""
        self._stop_if_asked(runner, runner.iter + 1)

    def before_val_epoch(self, runner) -> None:
        """Find out how many batches every rank has: only in these they can agree."""
        if self._agreement is not None:
            self._batches = self._agreement.smallest(len(runner.val_dataloader))
            self._batch = -1

    def before_val_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Tell the other ranks of a signal, once a batch: images of several sizes come in as many parts as a rank
        needs.
        """
        self._agrees = batch_idx < self._batches and batch_idx != self._batch
        if self._agrees:
            self._batch = batch_idx
            self._agreement.propose(requested())

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Stop where all ranks know that one of them shall; the weights are those of the last step."""
        if self._agrees:
            self._stop_if_asked(runner, runner.iter)

    def _stop_if_asked(self, runner, step: int) -> None:
        self._number = self._agreement.result() or self._number
        if self._number and _has_updated(runner.optim_wrapper):
            path = _save(runner, step)
            self._agreement.smallest(0)  # nobody leaves, and makes the launcher end the others, before it is written
            runner.visualizer.close()
            kept = f'the checkpoint is {path}' if path else 'the run has no CheckpointHook, so nothing was written'
            raise Interrupted(self._number, f'stopped after step {step}, {kept}; go on with --resume')


def _has_updated(optim_wrapper) -> bool:
    """Tell whether the step ended with an update of the optimizer."""
    wrappers = optim_wrapper.values() if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]
    return all(wrapper.should_update() for wrapper in wrappers)


def _save(runner, step: int) -> str | None:
    """Return the path of this step's checkpoint, written just before or now; None without a ``CheckpointHook``."""
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            with _by_step(hook):
                if Path(hook.last_ckpt or '').name != hook.filename_tmpl.format(step):
                    hook._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=step))
            return hook.last_ckpt
    return None


@contextlib.contextmanager
def _by_step(hook: CheckpointHook) -> Iterator[None]:
    """Let a hook that counts epochs write a checkpoint inside an epoch; it is not counted among those that are kept."""
    if not hook.by_epoch:
        yield
        return
    before = hook.by_epoch, hook.filename_tmpl, hook.max_keep_ckpts
    hook.by_epoch, hook.filename_tmpl, hook.max_keep_ckpts = False, 'iter_{}.pth', -1
    try:
        yield
    finally:
        hook.by_epoch, hook.filename_tmpl, hook.max_keep_ckpts = before
