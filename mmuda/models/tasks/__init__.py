"""Tasks: the seam to a host library. `build_task` imports the one that is asked for, and its host with it."""

from .base import Task, build_task

__all__ = ['Task', 'build_task']
