"""Training scalars without a host synchronisation at every step, and the stop at a non-finite loss."""

from __future__ import annotations

import math

import torch
from mmengine.hooks import CheckpointHook, RuntimeInfoHook
from torch import Tensor

from mmuda.registry import HOOKS
from mmuda.storage import checkpoint_folder, last_good


@HOOKS.register_module()
class TrainInfoHook(RuntimeInfoHook):
    """mmengine's ``RuntimeInfoHook``, but the losses stay on the device until they are looked at.

    mmengine reads every scalar of every step, which makes the host wait for the device each time.
    Here the values of up to ``interval`` steps travel together; on a CPU they are read at once. A
    loss that is not finite ends the training with the step, the images and the terms, before a
    checkpoint of that step could replace a good one.

    Args:
        interval: Steps between two readings on an accelerator; the logger's interval should be a
            multiple of it.
    """

    def __init__(self, interval: int = 10) -> None:
        super().__init__()
        if interval < 1:
            raise ValueError(f'TrainInfoHook has interval={interval}: it counts steps, give 1 or more.')
        self.interval = interval
        self.step = 0  # counted from 1, as the log and the names of checkpoints do
        self._pending: list[tuple[int, dict[str, Tensor], list[str]]] = []

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        """Keep this step's scalars; read them when due."""
        self.step = runner.iter + 1
        if not outputs:
            return
        self._pending.append(
            (
                self.step,
                {key: value.detach() for key, value in outputs.items()},
                _names(data_batch),
            )
        )
        on_cpu = next(iter(outputs.values())).device.type == 'cpu'
        if (
            on_cpu
            or self.every_n_train_iters(runner, self.interval)
            or self.is_last_train_iter(runner)
            or _saves(runner)
        ):
            self._flush(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse to save after a loss that is not finite, and weights that are not."""
        self._flush(runner)
        weights = [x for x in checkpoint['state_dict'].values() if x.is_floating_point()]
        if not all(bool(torch.isfinite(x).all()) for x in weights):
            raise FloatingPointError(
                f'The weights are not finite after step {self.step}, though the loss was; '
                f'{_kept(runner)}. Lower the learning rate, clip the gradients or turn off --amp, then go '
                'on with --resume.'
            )

    def _flush(self, runner) -> None:
        """Read all pending steps in one transfer."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        values = torch.stack([value.float() for _, scalars, _ in pending for value in scalars.values()]).tolist()
        position = 0
        for step, scalars, names in pending:
            row = dict(zip(scalars, values[position : position + len(scalars)], strict=True))
            position += len(scalars)
            if not math.isfinite(row['loss']):
                raise FloatingPointError(_report(runner, step, row, names))
            for key, value in row.items():
                runner.message_hub.update_scalar(f'train/{key}', value)


def _names(data_batch: dict | None) -> list[str]:
    samples = (data_batch or {}).get('data_samples') or []
    return [sample.metainfo.get('img_path', 'an unnamed image') for sample in samples]


def _saves(runner) -> bool:
    """Tell whether a checkpoint hook writes after this step."""
    return any(
        hook.every_n_train_iters(runner, hook.interval)
        for hook in runner.hooks
        if isinstance(hook, CheckpointHook) and not hook.by_epoch and hook.interval > 0
    )


def _report(runner, step: int, scalars: dict[str, float], names: list[str]) -> str:
    terms = ', '.join(f'{key}={value:.6g}' for key, value in scalars.items() if 'loss' in key)
    return (
        f'The loss is not finite at step {step} ({terms}) on the images {", ".join(names)}; '
        f'{_kept(runner)}: look at these images and labels, lower the learning rate or turn off --amp, '
        'then go on with --resume.'
    )


def _kept(runner) -> str:
    return last_good(runner.work_dir, checkpoint_folder(runner.work_dir, runner.cfg))
