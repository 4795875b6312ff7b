"""Checkpoints of which one is whole at any time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import mmengine.hooks
from mmengine.dist import is_main_process
from mmengine.registry import HOOKS as MMENGINE_HOOKS

import mmuda.storage.backend  # noqa: F401  (what mmengine writes is whole from here on)
from mmuda.functional import steps_of
from mmuda.registry import HOOKS
from mmuda.scores import CRITERION_RULES
from mmuda.storage import atomic_write


def _criteria(rule: str) -> list[str]:
    """Return the criteria without labels of this rule, as scores are called."""
    return [f'mmuda/{name}' for name, own in CRITERION_RULES.items() if own == rule]


@MMENGINE_HOOKS.register_module(force=True)
@HOOKS.register_module()
class CheckpointHook(mmengine.hooks.CheckpointHook):
    """mmengine's ``CheckpointHook``, but nothing is removed before what takes its place is whole.

    mmengine removes an outdated or formerly best checkpoint first and then writes the new one: a process that is killed
    meanwhile leaves none. A resumed run of mmengine also removes the best checkpoint of the work directory that it was
    copied from; here a run only knows files of its own folder. It stands in for mmengine's under its name, too, so that
    a stock config gets it.

    Args:
        As in mmengine; an ``interval`` that is a float up to 1 is a share of the training: 0.1 are ten checkpoints.
            ``save_best`` knows the rule of the criteria without labels, too: ``mmuda/snd`` and the other scores of
            :class:`mmuda.LabelFreeMetric`.
    """

    _default_greater_keys = [*mmengine.hooks.CheckpointHook._default_greater_keys, *_criteria('greater')]
    _default_less_keys = [*mmengine.hooks.CheckpointHook._default_less_keys, *_criteria('less')]

    def before_train(self, runner) -> None:
        """Turn a share into steps (or epochs), and look for the best checkpoints in this run's own folder."""
        super().before_train(runner)
        length = runner.max_epochs if self.by_epoch else runner.max_iters
        self.interval = steps_of(self.interval, length, 'CheckpointHook.interval')
        if not self.save_best:
            return
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = self._own(self.best_ckpt_path)
        else:
            self.best_ckpt_path_dict = {key: self._own(path) for key, path in self.best_ckpt_path_dict.items()}

    def _own(self, path: str | None) -> str | None:
        """Return the file of that name in this run's folder."""
        return path and self.file_backend.join_path(self.out_dir, os.path.basename(path))

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        """Write the checkpoint, then the name of it, then remove what is outdated."""
        outdated = self._rotate(runner, step)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if not is_main_process():
            return
        with atomic_write(Path(runner.work_dir, 'last_checkpoint'), 'w') as file:
            file.write(self.last_ckpt)
        for path in outdated:
            _remove(self.file_backend, path)

    def _rotate(self, runner, step: int) -> list[str]:
        """Note the new checkpoint among those that are kept; return the paths of those that no longer are."""
        if self.max_keep_ckpts <= 0:
            return []
        kept = [*(number for number in self.keep_ckpt_ids if number != step), step]
        outdated, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(kept)
        runner.message_hub.update_info('keep_ckpt_ids', kept)
        return [self._own(self.filename_tmpl.format(number)) for number in outdated]

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        """Remove the former best checkpoint last."""
        backend, self.file_backend = self.file_backend, _RemovingLater(self.file_backend)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            later, self.file_backend = self.file_backend, backend
        for path in later.paths:
            _remove(backend, path)


class _RemovingLater:
    """A file backend that only notes what it should remove."""

    def __init__(self, backend) -> None:
        self.backend = backend
        self.paths: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        """Note what is to be removed."""
        self.paths.append(path)

    rmtree = remove


def _remove(backend, path: str) -> None:
    """Remove a checkpoint, which deepspeed writes as a folder."""
    if backend.isfile(path):
        backend.remove(path)
    elif backend.isdir(path):
        backend.rmtree(path)
