"""One number that all ranks agree on in every step, without a wait for the device."""

from __future__ import annotations

from datetime import timedelta

import torch
import torch.distributed as dist


class Agreement:
    """The largest of the numbers that the ranks propose.

    The reduction runs between CPUs (gloo, a group of its own) while the step runs: :meth:`propose` before the step
    starts it, :meth:`result` after the step has it. Whoever is asked first, all ranks learn of it after the same step.

    Args:
        timeout: Seconds after which a rank that does not take part is an error.
    """

    def __init__(self, timeout: float) -> None:
        self.group = None
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            self.group = dist.new_group(backend='gloo', timeout=timedelta(seconds=timeout))
        self._value = torch.zeros((), dtype=torch.int64)
        self._work: dist.Work | None = None

    def propose(self, number: int) -> None:
        """Start the reduction of this step."""
        self._value.fill_(number)
        if self.group is not None:
            self._work = dist.all_reduce(self._value, dist.ReduceOp.MAX, group=self.group, async_op=True)

    def result(self) -> int:
        """Return the largest proposal of this step.

        Raises:
            RuntimeError: A rank has ended or does not answer.
        """
        if self._work is not None:
            self._wait()
        return int(self._value)

    def smallest(self, number: int) -> int:
        """Return the smallest number that a rank proposes; waits for all ranks."""
        self.propose(-number)
        return -self.result()

    def _wait(self) -> None:
        try:
            self._work.wait()
        except RuntimeError as error:
            raise RuntimeError(
                f'rank {dist.get_rank()} does not hear from another rank, which has ended or hangs: look at the '
                f'messages of the others ({str(error).splitlines()[0][:200]})'
            ) from error
        self._work = None
