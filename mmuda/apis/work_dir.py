"""The work directory: whether it can be written, and which checkpoint of it a run goes on from."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmuda.storage import find_latest

from .errors import UserError
from .paths import check_out_dir


def check_work_dir(path: str | Path) -> None:
    """Raise unless files can be written below ``path``; creates nothing that stays."""
    check_out_dir(path, '--work-dir')


def latest_checkpoint(cfg: Config) -> Path | None:
    """Where the training of a work directory goes on: its newest whole checkpoint; says which it is and why.

    Raises:
        UserError: It has checkpoints, but none is whole.
    """
    found = find_latest(cfg.work_dir, checkpoint_folder(cfg))
    if found.path is None and found.damaged:
        raise UserError(
            f'{cfg.work_dir} has no whole checkpoint ({"; ".join(found.damaged)}): give the path of another one to '
            '--resume, or remove these to start at iteration 0'
        )
    for remark in filter(None, (found.pointer, *found.damaged)):
        print_log(f'{remark}: passed over.', logger='current', level=logging.WARNING)
    if found.path is None:
        text = f'{cfg.work_dir} has no checkpoint to resume from: the run starts at iteration 0.'
    else:
        text = f'The run goes on from {found.path}, the newest whole checkpoint of {cfg.work_dir}.'
    print_log(text, logger='current')
    return found.path


def checkpoint_folder(cfg: Config) -> Path:
    """The work directory, or that of its name below the checkpoint hook's ``out_dir``."""
    out_dir = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('out_dir')
    return Path(cfg.work_dir) if out_dir is None else Path(out_dir, Path(cfg.work_dir).absolute().name)
