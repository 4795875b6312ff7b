"""Joining a process group on machines with and without GPUs, and leaving it."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as torch_dist
from mmengine.config import Config

from mmuda.processes import follow_launcher

from .errors import UserError
from .limits import time_limit

RENDEZVOUS = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')


@contextlib.contextmanager
def process_group(cfg: Config, launcher: str) -> Iterator[None]:
    """Run a block as one process of the group that ``launcher`` prepared; it ends when the launcher is gone."""
    with contextlib.nullcontext() if launcher == 'none' else follow_launcher():
        init_distributed(cfg, launcher)
        yield
        leave_distributed()  # after a success only: NCCL would wait here for ranks that an error has stopped


def init_distributed(cfg: Config, launcher: str) -> None:
    """Join the process group that ``launcher`` prepared: gloo on a CPU, else mmengine's own NCCL start.

    mmengine pins every process to a GPU while it joins, so without one this has to come first. The ranks of ``cfg``'s
    runner then find the group ready.
    """
    cfg.launcher = launcher
    if launcher == 'none':
        return
    if launcher == 'slurm' and not torch.cuda.is_available():
        _read_slurm()
    if launcher == 'pytorch' or not torch.cuda.is_available():
        _check_environment(launcher)
    if torch.cuda.is_available():
        return
    _without_devices(cfg)
    if not torch_dist.is_initialized():
        torch_dist.init_process_group('gloo', timeout=timedelta(seconds=time_limit(cfg)))


def leave_distributed() -> None:
    """Leave the process group, if there is one, while the interpreter is whole.

    A gloo thread that lets go of its last tensor while the interpreter is being torn down aborts the process
    (pytorch/pytorch#179291): a run that has succeeded would end with an error. The threads end with the group's last
    owner, and a wrapped model, which is one, is part of reference cycles.
    """
    if _is_group():
        gc.collect()
        torch_dist.destroy_process_group()


@contextlib.contextmanager
def agree() -> Iterator[None]:
    """Run a block on every rank; when one refuses to go on (:class:`UserError`), all do, with the first one's sentence.

    Raises:
        UserError: On all ranks.
    """
    refusals: list[str | None] = [None]
    try:
        yield
    except UserError as error:
        refusals = [str(error)]
        if not _is_group():
            raise
    if _is_group():
        refusals *= torch_dist.get_world_size()
        torch_dist.all_gather_object(refusals, refusals[torch_dist.get_rank()])
    for refusal in filter(None, refusals):
        raise UserError(refusal)


def _is_group() -> bool:
    return torch_dist.is_available() and torch_dist.is_initialized()


def is_main_process() -> bool:
    """Tell whether this is rank 0, also before the process group is there."""
    return int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0'))) == 0


def _check_environment(launcher: str) -> None:
    missing = [name for name in RENDEZVOUS if name not in os.environ]
    if missing:
        raise UserError(
            f'--launcher {launcher} finds no {", ".join(missing)} in the environment: start through '
            'tools/dist_train.sh CONFIG GPUS or tools/slurm_train.sh'
        )


def _without_devices(cfg: Config) -> None:
    """mmengine hands DDP a GPU's id; :class:`mmuda.MeanTeacherRunner` knows better by itself."""
    if 'runner_type' not in cfg and 'model_wrapper_cfg' not in cfg:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )


def _read_slurm() -> None:
    """Name the process group in torch's variables from what `srun` sets."""
    env = os.environ
    for name, source in (('RANK', 'SLURM_PROCID'), ('WORLD_SIZE', 'SLURM_NTASKS'), ('LOCAL_RANK', 'SLURM_LOCALID')):
        if source in env:
            env[name] = env[source]
    env.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in env and 'SLURM_NODELIST' in env:
        command = ['scontrol', 'show', 'hostname', env['SLURM_NODELIST']]
        env['MASTER_ADDR'] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
