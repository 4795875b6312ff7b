"""The files of a run: written whole, found again."""

from .atomic import atomic_write, remove_leftovers
from .latest import LatestCheckpoint, find_latest, last_good
from .lock import LockedError, WorkDirLock

__all__ = [
    'LatestCheckpoint',
    'LockedError',
    'WorkDirLock',
    'atomic_write',
    'find_latest',
    'last_good',
    'remove_leftovers',
]
