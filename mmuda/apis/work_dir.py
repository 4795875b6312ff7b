"""What a training leaves in its work directory: its config and its checkpoints."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import UserError

STEP = re.compile(r'(?:iter|epoch)_(\d+)\.pth$')
"""How the names of checkpoints end; those of a published model do not."""


def find_config(work_dir: str | Path) -> Path:
    """Return the config that a training has written to its work directory.

    Raises:
        UserError: There is no such folder, or none or several configs in it.
    """
    folder = Path(work_dir)
    if not folder.is_dir():
        raise UserError(f'the work directory {folder} {"is no folder" if folder.exists() else "does not exist"}')
    found = sorted(folder.glob('*.py'))
    if len(found) != 1:
        names = f'several configs ({", ".join(path.name for path in found)})' if found else 'no config'
        raise UserError(f'the work directory {folder} holds {names}: give one that tools/train.py has written to')
    return found[0]


def find_checkpoints(work_dir: str | Path) -> list[Path]:
    """Return the checkpoints of a work directory in the order of their steps; a "best" one only where its step has no
    other.

    Raises:
        UserError: There are none.
    """
    found = sorted(Path(work_dir).glob('*.pth'), key=lambda path: not path.name.startswith('best_'))
    by_step = {step_of(path): path for path in found if STEP.search(path.name)}
    if not by_step:
        raise UserError(f'the work directory {work_dir} holds no checkpoint (iter_*.pth, epoch_*.pth): train first')
    return [by_step[step] for step in sorted(by_step)]


def step_of(checkpoint: Path) -> int:
    """Return the step, or epoch, that a checkpoint's name says."""
    return int(STEP.search(checkpoint.name)[1])
