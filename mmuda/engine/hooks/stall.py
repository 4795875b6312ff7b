"""Tells the watching thread how far this rank is."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from mmuda.processes import DEFAULT_LIMIT, StallWatch, mark
from mmuda.registry import HOOKS
from mmuda.storage import checkpoint_folder, find_latest


@HOOKS.register_module()
class StallHook(Hook):
    """Ends a run in which a rank hangs or gets no data, with a sentence that names the rank.

    Args:
        timeout: Seconds without any progress that are taken for a hang.
    """

    priority = 'VERY_HIGH'

    def __init__(self, timeout: float = DEFAULT_LIMIT) -> None:
        self.timeout = timeout
        self._watch: StallWatch | None = None
        self._batches, self._batch = 0, -1

    def before_run(self, runner) -> None:
        """Start watching."""
        if self._watch is None:
            self._watch = StallWatch(self.timeout, lambda: self._advice(runner))
            self._watch.start()

    def after_run(self, runner) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.stop()

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Note that the batch is there."""
        self._batches, self._batch = 0, -1
        mark(f'in step {runner.iter + 1}', (runner.iter, 1, 0))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Note that the step's own work is done."""
        mark(f'between step {runner.iter + 1} and the next, where data are loaded', (runner.iter + 1, 0, 0))

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Note that a batch is scored, or a part of it: images of several sizes come in several parts."""
        self._batches += batch_idx != self._batch
        self._batch = batch_idx
        mark(f'behind batch {self._batches} of an evaluation', (runner.iter, 0, self._batches))

    def after_test_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Note that a batch is scored."""
        mark(f'behind batch {batch_idx + 1} of the test', (0, 0, batch_idx + 1))

    def _advice(self, runner) -> str:
        limit = f'the limit is env_cfg.dist_cfg.timeout={self.timeout:g}'
        if not isinstance(runner._train_loop, BaseLoop):
            return limit
        kept = find_latest(runner.work_dir, checkpoint_folder(runner.work_dir, runner.cfg)).path
        return f'go on with --resume from {kept}; {limit}' if kept else f'no checkpoint has been written; {limit}'
