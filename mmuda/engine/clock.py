"""The one clock of a training: the loop's iteration. A model's ``step`` is a copy of it."""

from __future__ import annotations

from .embedding import unwrapped


def set_step(runner) -> None:
    """Set the ``step`` of the model, if it has one, to the loop's iteration, and tell it the training's length.

    A checkpoint brings a step of its own. After a resume both are equal; after ``load_from`` the training is at 0.
    """
    model = unwrapped(runner.model)
    if hasattr(model, 'step'):
        model.step.fill_(runner.iter)
    if hasattr(model, 'set_length'):
        model.set_length(runner.max_iters)


def steps_of(value: float, length: int) -> int:
    """A number of steps (or epochs) of a training of this length, of which a value between 0 and 1 is a share."""
    return max(1, round(value * length)) if 0 < value < 1 else int(value)
