"""The files of a run: written whole, found again."""

from .atomic import atomic_write, remove_leftovers
from .latest import LatestCheckpoint, checkpoint_folder, find_latest, last_good, resumable
from .lock import LockedError, WorkDirLock

__all__ = [
    'LatestCheckpoint',
    'LockedError',
    'WorkDirLock',
    'atomic_write',
    'checkpoint_folder',
    'find_latest',
    'last_good',
    'remove_leftovers',
    'resumable',
]
