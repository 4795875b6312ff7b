"""Hooks, loops, runners, optimizers and schedulers: they see a model by its attributes and never import `models`."""

from . import hooks, optimizers, runners, schedulers

__all__ = ['hooks', 'optimizers', 'runners', 'schedulers']
