"""A runner that knows what a mean teacher needs; everything else is mmengine's."""

from __future__ import annotations

import ast
from contextlib import nullcontext
from pathlib import Path
from pprint import pformat
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmuda import compat
from mmuda.registry import HOOKS, METRICS, RUNNERS
from mmuda.storage import atomic_write, checkpoint_folder, resumable

from ..compiled import CompiledEncoders
from ..wrapping import unwrapped
from .fully_sharded import UDAFullyShardedDataParallel

compat.apply()


@RUNNERS.register_module()
class MeanTeacherRunner(Runner):
    """Adds to mmengine's ``Runner`` what an exact, restartable run with a teacher needs, unless the config has it.

    * hooks: :class:`mmuda.MeanTeacherHook`, :class:`mmuda.ExactResumeHook`,
      :class:`mmuda.RunSettingsHook`, :class:`mmuda.TrainInfoHook` for ``runtime_info``, and :class:`mmuda.ShardHook`
      for a :class:`mmuda.UDAFullyShardedDataParallel`;
    * loops: :class:`mmuda.ResumableTrainLoop` for iteration training, :class:`mmuda.ResumableEpochLoop` for epochs,
      :class:`mmuda.MeanTeacherValLoop` for validation; images of any sizes make a batch of evaluation;
    * scores: :class:`mmuda.LabelFreeMetric` in the validation, where ``save_best`` names one of its criteria;
    * batches in pinned memory, where there is a GPU;
    * buffers of rank 0 are broadcast, so that every process resumes from the same statistics;
    * ``compile=True``, or a dict of options of ``torch.compile``, compiles the encoders in training steps
      (:class:`.CompiledEncoders`), where mmengine would compile the step whole.

    A model without a teacher (source only) gets all but the teacher's parts.
    """

    @property
    def _teaches(self) -> bool:
        return hasattr(unwrapped(self.model), 'teacher')

    def register_hooks(self, default_hooks: dict | None = None, custom_hooks: list | None = None) -> None:
        """Register the config's hooks and the missing ones."""
        default_hooks = dict(runtime_info=dict(type='mmuda.TrainInfoHook')) | dict(default_hooks or {})
        fixed = getattr(unwrapped(self.model), 'teacher_fixed', False)
        missing = ['ExactResumeHook', 'RunSettingsHook'] + ['MeanTeacherHook'] * (self._teaches and not fixed)
        missing += ['ShardHook'] * isinstance(self.model, UDAFullyShardedDataParallel)
        super().register_hooks(default_hooks, _with_hooks(custom_hooks, missing))

    def load_or_resume(self) -> None:
        """Take the newest whole checkpoint of the work directory, if any, for ``resume=True`` without a path."""
        if self._resume and self._load_from is None and not self._has_loaded:
            path = resumable(self.work_dir, checkpoint_folder(self.work_dir, self.cfg))
            self._resume, self._load_from = path is not None, path and str(path)
        super().load_or_resume()

    def save_checkpoint(self, *args, **kwargs) -> None:
        """Write a checkpoint of whole tensors, on rank 0; where some are sharded, all processes take part."""
        with getattr(self.model, 'whole_states', nullcontext)(self.optim_wrapper):
            super().save_checkpoint(*args, **kwargs)

    @master_only
    def dump_config(self) -> None:
        """Write the config to the work directory, whole."""
        name = Path(self.cfg.filename or f'{self.timestamp}.py').name
        with atomic_write(Path(self.work_dir, name), 'w') as file:
            file.write(_text(self.cfg))

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        """Build a loader; for a GPU its batches are pinned, unless the config says ``pin_memory``."""
        if isinstance(dataloader, dict):
            dataloader = dict(pin_memory=torch.cuda.is_available()) | dict(dataloader)
        return Runner.build_dataloader(dataloader, *args, **kwargs)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop; stock training becomes resumable at any step."""
        if isinstance(loop, dict) and (resumable := _resumable(loop)):
            loop = {key: value for key, value in loop.items() if key != 'by_epoch'} | dict(type=resumable)
        return super().build_train_loop(loop)

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop; stock validation scores student and teacher, on images of any sizes."""
        if isinstance(loop, dict) and loop.get('type', 'ValLoop') == 'ValLoop':
            name = 'MeanTeacherValLoop' if self._teaches else 'SizeGroupedValLoop'
            loop = dict(loop) | dict(type=f'mmuda.{name}')
        self._val_evaluator = _with_criteria(self._val_evaluator, self.hooks)
        return super().build_val_loop(loop)

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop; a stock test takes images of any sizes."""
        if isinstance(loop, dict) and loop.get('type', 'TestLoop') == 'TestLoop':
            loop = dict(loop) | dict(type='mmuda.SizeGroupedTestLoop')
        return super().build_test_loop(loop)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap for several processes: rank 0's buffers count, and a CPU module has no device ids."""
        if self.distributed:
            wrapper: dict[str, Any] = dict(
                type='mmuda.UDADataParallel',
                broadcast_buffers=True,
                find_unused_parameters=self.cfg.get('find_unused_parameters', False),
            )
            if not torch.cuda.is_available():
                wrapper['device_ids'] = None
            model_wrapper_cfg = wrapper | dict(model_wrapper_cfg or {})
        return super().wrap_model(model_wrapper_cfg, model)

    def _maybe_compile(self, target: str) -> None:
        """Compile the encoders for the method ``target`` of the model, if the config says ``compile``.

        Raises:
            ValueError: Encoders in parts.
        """
        options = self.cfg.to_dict().get('compile')
        if options in (None, False):
            return
        if isinstance(self.model, UDAFullyShardedDataParallel):
            raise ValueError(
                f'{type(self.model).__name__} gathers and cuts weights within a pass, which has not been tried in a '
                'compiled one: leave out --compile (compile=None), or model_wrapper_cfg.'
            )
        encoders = CompiledEncoders(unwrapped(self.model), {} if options is True else options)
        setattr(self.model, target, encoders.stepping(getattr(self.model, target), self))
        self.logger.info(str(encoders))


def _text(cfg: Config) -> str:
    """Return a config as it reads back: mmengine sorts keys, and views are made in the order of theirs."""
    plain = cfg.to_dict()
    text = ''.join(f'{key} = {pformat(value, width=120, sort_dicts=False)}\n' for key, value in plain.items())
    try:
        for node in ast.parse(text).body:
            ast.literal_eval(node.value)
    except (SyntaxError, ValueError):  # objects among the values, which mmengine knows to write
        return cfg.dump()
    return text


def _resumable(cfg: dict) -> str | None:
    """Return the type that stands in for a stock loop; None for any other."""
    stock = cfg.get('type') or ('EpochBasedTrainLoop' if cfg.get('by_epoch', True) else 'IterBasedTrainLoop')
    return {'EpochBasedTrainLoop': 'mmuda.ResumableEpochLoop', 'IterBasedTrainLoop': 'mmuda.ResumableTrainLoop'}.get(
        stock
    )


def _with_hooks(hooks: list | None, names: list[str]) -> list:
    """Return ``hooks`` and, of the named ones, those of whose class (or a subclass) none is there."""
    hooks = list(hooks or [])
    present = [_hook_class(hook) for hook in hooks]
    missing = [name for name in names if not any(issubclass(found, HOOKS.get(f'mmuda.{name}')) for found in present)]
    return hooks + [dict(type=f'mmuda.{name}') for name in missing]


def _with_criteria(evaluator: Any, hooks: list[Hook]) -> Any:
    """Add the criteria without labels, if a hook saves the best checkpoint by one of them that nobody computes."""
    wanted = [name for hook in hooks for name in getattr(hook, 'key_indicators', ())]
    metrics = [evaluator] if isinstance(evaluator, dict) else evaluator
    by_criterion = any(name.removeprefix('teacher/').startswith('mmuda/') for name in wanted)
    if not by_criterion or not isinstance(metrics, list):  # a built Evaluator is its maker's
        return evaluator
    has = any(METRICS.get(metric['type']) is METRICS.get('mmuda.LabelFreeMetric') for metric in metrics)
    return evaluator if has else [*metrics, dict(type='mmuda.LabelFreeMetric')]


def _hook_class(hook: Hook | dict) -> type:
    kind = hook['type'] if isinstance(hook, dict) else type(hook)
    found = HOOKS.get(kind) if isinstance(kind, str) else kind
    return found or Hook  # an unknown name fails with the registry's own message when it is built
