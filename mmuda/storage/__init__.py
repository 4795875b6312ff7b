"""The files of a run: written whole, found again."""

from .atomic import atomic_write, remove_leftovers
from .latest import LatestCheckpoint, find_latest

__all__ = ['LatestCheckpoint', 'atomic_write', 'find_latest', 'remove_leftovers']
