"""Hooks, loops, runners and optimizer wrappers: they see a model by its attributes and never import `models`."""

from . import hooks, optimizers, runners

__all__ = ['hooks', 'optimizers', 'runners']
