"""Numbers of steps that follow the length of the training, so that a short run is a whole one."""

from __future__ import annotations

from mmuda.functional import is_share, steps_of


class FollowsLength:
    """A part of a model that counts steps; the model tells it the training's ``length`` before the first one."""

    length: int | None = None

    def steps(self, value: float, name: str) -> int:
        """Return the number of steps, see :func:`mmuda.functional.steps_of`.

        Raises:
            RuntimeError: A share, and nobody has said how long the training is.
        """
        if is_share(value, name) and self.length is None:
            raise RuntimeError(
                f'{type(self).__name__} has {name}={value}, a share of the training, whose length nobody has said: use '
                "runner_type='mmuda.MeanTeacherRunner', call set_length of the model, or give a number of steps."
            )
        return steps_of(value, self.length, name)
