"""The work directory: checked before anything is built, and left as it was when a run cannot start."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmuda.storage import find_latest

from .errors import UserError, explain
from .paths import check_out_dir


def check_work_dir(path: str | Path) -> None:
    """Raise unless files can be written below ``path``; creates nothing that stays."""
    check_out_dir(path, '--work-dir')


def latest_checkpoint(cfg: Config) -> Path | None:
    """Where the training of a work directory goes on: its newest whole checkpoint; says which it is and why.

    Raises:
        UserError: It has checkpoints, but none is whole.
    """
    found = find_latest(cfg.work_dir, _checkpoint_folder(cfg))
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


def _checkpoint_folder(cfg: Config) -> Path:
    """The work directory, or that of its name below the checkpoint hook's ``out_dir``."""
    out_dir = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('out_dir')
    return Path(cfg.work_dir) if out_dir is None else Path(out_dir, Path(cfg.work_dir).absolute().name)


class Progress:
    """Tells :func:`clean_start` whether the run has trained anything."""

    runner: Runner | None = None

    @property
    def iterations(self) -> int:
        """Training iterations the runner has behind it; `runner.iter` would build the loop to find out."""
        return getattr(getattr(self.runner, '_train_loop', None), 'iter', 0)


@contextmanager
def clean_start(path: str | Path, is_main: bool = True) -> Iterator[Progress]:
    """Take back what a run wrote to its work directory when a user's error ends it before its first iteration.

    Args:
        path: The work directory.
        is_main: Whether this process is the one that writes.
    """
    path = Path(path)
    before = {entry.name for entry in path.iterdir()} if path.is_dir() else None
    topmost = _first_missing(path)
    progress = Progress()
    try:
        yield progress
    except Exception as error:
        if is_main and progress.iterations == 0 and explain(error) is not None:
            _remove_new(path, before, topmost)
        raise


def _remove_new(path: Path, before: set[str] | None, topmost: Path) -> None:
    if before is None:
        shutil.rmtree(topmost, ignore_errors=True)
        return
    for entry in path.iterdir():
        if entry.name not in before:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _first_missing(path: Path) -> Path:
    """The topmost directory that making ``path`` would create."""
    path = path.absolute()
    while not path.parent.exists():
        path = path.parent
    return path
