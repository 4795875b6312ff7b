"""Tasks: the seam to a host library, imported only where that library is installed."""

from importlib.util import find_spec

from .base import Task, build_task

if find_spec('mmseg'):
    from . import segmentation  # noqa: F401

__all__ = ['Task', 'build_task']
