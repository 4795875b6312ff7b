"""The one clock of a training: the loop's iteration. A model's ``step`` is a copy of it."""

from __future__ import annotations

from .wrapping import unwrapped


def set_step(runner) -> None:
    """Set the ``step`` of the model, if it has one, to the loop's iteration, and tell it the training's length.

    A checkpoint brings a step of its own. After a resume both are equal; after ``load_from`` the training is at 0.
    """
    model = unwrapped(runner.model)
    if hasattr(model, 'step'):
        model.step.fill_(runner.iter)
    if hasattr(model, 'set_length'):
        model.set_length(runner.max_iters)
