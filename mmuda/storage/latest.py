"""Where a work directory's training goes on: its newest checkpoint that is whole."""

from __future__ import annotations

import logging
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

POINTER = 'last_checkpoint'
STEP = re.compile(r'(\d+)\.pth$')
NOT_RESUMABLE = re.compile(r'^best_|-[0-9a-f]{8}\.pth$')  # of mmengine's hook: without optimizer, or published


class LatestCheckpoint(NamedTuple):
    """``path`` is None where there is no whole checkpoint.

    ``pointer`` says what is wrong with ``last_checkpoint``, ``damaged`` what is wrong with newer checkpoints; both are
    empty where nothing is.
    """

    path: Path | None
    pointer: str = ''
    damaged: tuple[str, ...] = ()


def find_latest(work_dir: str | Path, folder: str | Path | None = None) -> LatestCheckpoint:
    """Find the newest whole checkpoint of a work directory.

    ``last_checkpoint`` names it, unless a later one was written after it. Only its file name counts, so a copied or
    moved work directory never leads back into the old one. Where the named file is missing or damaged, the checkpoint
    of the highest step takes its place.

    Args:
        work_dir: The folder with ``last_checkpoint``.
        folder: The folder with the checkpoints, if it is another one.
    """
    work_dir = Path(work_dir)
    folder = Path(folder or work_dir)
    named, remark = _named(work_dir / POINTER, folder)
    damaged = []
    for path in _newest_first(work_dir / POINTER, named, folder):
        reason = damage(path)
        if reason is None:
            return LatestCheckpoint(path, remark, tuple(damaged))
        damaged.append(f'{path} {reason}')
    return LatestCheckpoint(None, remark, tuple(damaged))


def resumable(work_dir: str | Path, folder: str | Path | None = None) -> Path | None:
    """Find where a run goes on, and log which checkpoint it is and what was passed over.

    Args:
        work_dir, folder: As in :func:`find_latest`.

    Raises:
        ValueError: There are checkpoints, but none is whole.
    """
    found = find_latest(work_dir, folder)
    if found.path is None and found.damaged:
        raise ValueError(
            f'{work_dir} has no whole checkpoint ({"; ".join(found.damaged)}): give the path of another one to '
            '--resume, or remove these to start at iteration 0'
        )
    for remark in filter(None, (found.pointer, *found.damaged)):
        print_log(f'{remark}: passed over.', logger='current', level=logging.WARNING)
    if found.path is None:
        text = f'{work_dir} has no checkpoint to resume from: the run starts at iteration 0.'
    else:
        text = f'The run goes on from {found.path}, the newest whole checkpoint of {work_dir}.'
    print_log(text, logger='current')
    return found.path


def checkpoint_folder(work_dir: str | Path, cfg: Mapping) -> Path:
    """Give the folder of a config's checkpoints: that of the work directory's name below the hook's ``out_dir``."""
    out_dir = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('out_dir')
    return Path(work_dir) if out_dir is None else Path(out_dir, Path(work_dir).absolute().name)


def last_good(work_dir: str | Path, folder: str | Path | None = None) -> str:
    """Return the clause with which a message says where a run that has ended can go on."""
    path = find_latest(work_dir, folder).path
    return f'the last good checkpoint is {path}' if path else f'there is no whole checkpoint in {folder or work_dir}'


def damage(path: Path) -> str | None:
    """Say what is wrong with a checkpoint file, None if it is whole, by its table of contents and checksums."""
    try:
        if path.stat().st_size == 0:
            return 'is empty'
        with zipfile.ZipFile(path) as archive:
            if not any(name.endswith('data.pkl') for name in archive.namelist()):
                return 'is no checkpoint'
            return 'is damaged' if archive.testzip() else None
    except OSError as error:
        return f'cannot be read ({error.strerror})'
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
        return 'is truncated or damaged'


def _named(pointer: Path, folder: Path) -> tuple[Path | None, str]:
    """Return the checkpoint that the pointer names, or what is wrong with the pointer."""
    try:
        text = pointer.read_text(encoding='utf-8').strip()
    except FileNotFoundError:
        return None, f'{pointer} leads nowhere' if pointer.is_symlink() else ''
    except (OSError, UnicodeDecodeError):
        return None, f'{pointer} cannot be read'
    if not text:
        return None, f'{pointer} is empty'
    path = folder / re.split(r'[/\\]', text)[-1]
    return (path, '') if path.is_file() else (None, f'{pointer} names {text}, which is not in {folder}')


def _newest_first(pointer: Path, named: Path | None, folder: Path) -> Iterator[Path]:
    """Yield the checkpoints of a folder, newest first."""
    files = [path for path in folder.glob('*.pth') if STEP.search(path.name) and not NOT_RESUMABLE.search(path.name)]
    files = [path for path in files if path.is_file()]
    files.sort(key=lambda path: (_step(path), path.stat().st_mtime), reverse=True)
    if named is None:
        yield from files
        return
    written = pointer.stat().st_mtime_ns
    later = [path for path in files if _step(path) > _step(named) and path.stat().st_mtime_ns > written]
    yield from (*later, named, *(path for path in files if path not in (*later, named)))


def _step(path: Path) -> int:
    found = STEP.search(path.name)
    return int(found[1]) if found else -1
