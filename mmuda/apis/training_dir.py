"""A work directory that one training holds, and that is left as it was when the training cannot start."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger, print_log
from mmengine.runner import Runner

from mmuda.storage import (
    FolderLock,
    LockedError,
    atomic_write,
    checkpoint_folder,
    held_folder,
    last_good,
    remove_leftovers,
)

from .breakdown import explained_breakdowns
from .distributed import agree, is_main_process
from .errors import UserError, explain


class TrainingDir:
    """A work directory while a training holds it.

    Args:
        lock: Its lock; None in the processes that do not write there.
        checkpoints: Its folder of checkpoints.
    """

    def __init__(self, lock: FolderLock | None = None, checkpoints: Path | None = None) -> None:
        self.lock, self.checkpoints = lock, checkpoints
        self.runner: Runner | None = None

    def watch(self, runner: Runner) -> None:
        """Let the run end when it no longer holds the work directory."""
        self.runner = runner
        if self.lock is not None:
            runner.register_hook(WorkDirHook(self.lock, self.checkpoints))

    @property
    def iterations(self) -> int:
        """Return the training iterations the runner has behind it; `runner.iter` would build the loop to find out."""
        return getattr(getattr(self.runner, '_train_loop', None), 'iter', 0)


class WorkDirHook(Hook):
    """Ends a run whose work directory was moved or removed, or is another's after a long suspension."""

    def __init__(self, lock: FolderLock, checkpoints: Path) -> None:
        self.lock, self.checkpoints = lock, checkpoints

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Look at what the last heartbeat found, which costs nothing."""
        if self.lock.lost:
            self._end()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Neither write into another's folder nor make a vanished one anew."""
        if not self.lock.is_held():
            self._end()

    def _end(self) -> None:
        folder, other = self.lock.path.parent, self.lock.current()
        if other is not None:
            what = f'was taken over by {other}, since this process gave no sign of life for minutes'
        else:
            what = 'has vanished' if not folder.is_dir() else f'has lost {self.lock.path.name}'
            what += ': it was moved or removed during the run'
        raise UserError(f'work directory {folder} {what}; {last_good(folder, self.checkpoints)}')


@contextmanager
def training_in(cfg: Config) -> Iterator[TrainingDir]:
    """Hold the work directory of a training, in which nobody else may train meanwhile.

    When a user's error ends the run before its first iteration, what this process wrote there is taken back; files and
    folders of others, and all that was there before, stay.

    Args:
        cfg: The config with its ``work_dir``, which is made.

    Raises:
        UserError: Another process trains there.
    """
    path = Path(cfg.work_dir)
    with ExitStack() as held:
        lock = _agreed(path, held)
        if lock is None:
            yield TrainingDir()
            return
        training = TrainingDir(lock, checkpoint_folder(path, cfg))
        with _taken_back(training, _Start(path, Path(cfg.filename or '').name)):
            _clean({path, training.checkpoints})
            yield training


@contextmanager
def _taken_back(training: TrainingDir, start: _Start) -> Iterator[None]:
    """Undo what a block wrote when a user's error ends it before the first iteration."""
    try:
        yield
    except Exception as error:
        if training.iterations == 0 and explain(error) is not None:
            start.take_back()
        raise


def _clean(folders: set[Path]) -> None:
    leftovers = [name for folder in folders for name in remove_leftovers(folder)]
    if leftovers:
        print_log(f'Removed what a killed run left half written: {", ".join(leftovers)}.', logger='current')


def _agreed(path: Path, held: ExitStack) -> FolderLock | None:
    """Hold the folder in the main process; when it is refused, no rank of a group that is ready goes on alone."""
    lock = None
    with agree():
        if is_main_process():
            with explained_breakdowns(path):
                try:
                    lock = held.enter_context(held_folder(path))
                except LockedError as error:
                    raise UserError(f'work directory {error}, or choose another --work-dir') from error
    return lock


class _Start:
    """State of a work directory before a run, and the way back to it.

    Args:
        path: The work directory.
        dump: Name of the file there that will hold the config.
    """

    def __init__(self, path: Path, dump: str) -> None:
        self.path = path
        self.before = {entry.name for entry in path.iterdir()}
        self.dump = path / dump
        self.config = self.dump.read_bytes() if self.dump.is_file() else None

    def take_back(self) -> None:
        """Remove this process's log folder, and give back the config."""
        for folder in _log_folders():
            if folder.parent == self.path.absolute() and folder.name not in self.before:
                shutil.rmtree(folder, ignore_errors=True)
                Path(f'{folder}.py').unlink(missing_ok=True)  # what mmengine calls a config without a name
        if self.dump.is_file() and self.config is None:
            self.dump.unlink()
        elif self.config is not None and self.dump.read_bytes() != self.config:
            with atomic_write(self.dump) as file:
                file.write(self.config)


def _log_folders() -> set[Path]:
    """Return the folders that mmengine's logger of this run writes to."""
    handlers = MMLogger.get_current_instance().handlers
    return {Path(handler.baseFilename).parent for handler in handlers if isinstance(handler, logging.FileHandler)}
