"""Tasks: the seam to a host library. `build_task` imports the one that is asked for, and its host with it."""

from .base import Outputs, Task, build_task

__all__ = ['Outputs', 'Task', 'build_task']
