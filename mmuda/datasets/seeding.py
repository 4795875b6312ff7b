"""Seeds that are a pure function of integers, and the random generators set from one of them.

The n-th sample of a run depends on (seed, n) alone: not on the number of workers, not on what was
drawn before, not on whether the run was resumed. SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) does
the mixing; it costs about a microsecond.
"""

import random
from contextlib import contextmanager

import numpy as np
import torch

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix64(*numbers: int) -> int:
    """Hash integers, in order, to 64 well-mixed bits."""
    state = 0
    for number in numbers:
        state = (state + _GOLDEN + number) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def unit_interval(*numbers: int) -> float:
    """Return a number in [0, 1), uniform and reproducible, from integers."""
    return (mix64(*numbers) >> 11) * 2.0**-53


@contextmanager
def seeded(seed: int | None):
    """Run a block with python's, numpy's and torch's CPU generators set from `seed`.

    The outer states come back afterwards. `None` leaves everything as it is.
    """
    if seed is None:
        yield
        return
    states = random.getstate(), torch.get_rng_state()
    random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        with _numpy_seeded([seed & 0xFFFFFFFF, seed >> 32]):
            yield
    finally:
        random.setstate(states[0])
        torch.set_rng_state(states[1])


_spare = [np.random.MT19937()]


@contextmanager
def _numpy_seeded(seed: list[int]):
    """Let `np.random` draw from another generator of the same kind for a while.

    Copying its state out and in again takes a third of a millisecond, half the time of a small image. What an exchange
    loses is the second value of a pair that the outer generator's `randn` keeps.
    """
    outer = np.random.get_bit_generator()
    inner = _spare.pop() if _spare else np.random.MT19937()
    np.random.set_bit_generator(inner)
    try:
        np.random.seed(seed)
        yield
    finally:
        np.random.set_bit_generator(outer)
        _spare.append(inner)
