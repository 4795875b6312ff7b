"""Paths that a user names: what is wrong with one is said before anything is opened, computed or written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mmuda.datasets.checks import file_problem

from .errors import UserError


def check_file(path: str | Path, what: str, remedy: str) -> None:
    """Raise unless the path is a file with content that may be read.

    Args:
        path: The file.
        what: What the sentence calls it.
        remedy: What to do about it.
    """
    if problem := file_problem(path):
        raise UserError(f'{what} {path} {problem}: {remedy}')


def check_out_dir(path: str | Path, option: str) -> None:
    """Raise unless files can be written below ``path``; creates nothing that stays.

    Args:
        path: A folder, which need not be there yet.
        option: What the command line calls it, such as ``--out``.
    """
    parent = _existing(Path(path))
    if not parent.is_dir():
        raise UserError(f'{option} {path} cannot be made: {parent} is a file; choose another {option}')
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise UserError(
            f'{option} {path} cannot be written ({parent}: {error.strerror}): choose another {option}'
        ) from error


def check_out_file(path: str | Path, option: str, source: str | Path | None = None) -> None:
    """Raise unless a file can be written at ``path``.

    Args:
        path: The file; one that is there will be replaced.
        option: What the command line calls it.
        source: The file that it is made from and must not replace.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f'{option} {path} is a folder: give the name of a file in it')
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise UserError(f'{option} {path} is the file that is read: give another name')
    check_out_dir(path.parent, option)


def _existing(path: Path) -> Path:
    """Return the nearest ancestor that exists, the path itself included."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
