"""The ramp is the formula of the paper, on the step's device and without state."""

import math

import pytest
import torch

from mmuda.functional import adaptation_ramp, steps_of


@pytest.mark.parametrize('step', [0, 1, 500, 5000, 100_000])
def test_it_is_the_formula(step):
    expected = 2 / (1 + math.exp(-10 * step / 5000)) - 1
    assert adaptation_ramp(torch.tensor(step), 5000).item() == pytest.approx(expected, abs=1e-6)
    assert adaptation_ramp(step, 5000).item() == pytest.approx(expected, abs=1e-6)
    mdd = 0.2 / (1 + math.exp(-step / 1000)) - 0.1
    assert adaptation_ramp(step, 1000, gamma=1.0, high=0.1).item() == pytest.approx(mdd, abs=1e-7)


def test_it_starts_at_nothing_and_ends_at_one():
    assert adaptation_ramp(0, 1000) == 0
    assert adaptation_ramp(1000, 1000) == pytest.approx(0.99991, abs=1e-5)
    assert adaptation_ramp(10**7, 1000) == 1


@pytest.mark.parametrize(
    'value, steps',
    [(0.25, 100), (1.0, 400), (1, 1), (7, 7), (5000, 5000), (0, 0), (0.0, 0), (1e-9, 1), (1 / 3, 133), (-1, -1)],
)
def test_an_int_is_steps_and_a_float_a_share(value, steps):
    found = steps_of(value, 400)
    assert found == steps
    assert isinstance(found, int)


def test_a_float_above_1_is_neither():
    with pytest.raises(ValueError, match=r'interval=2000\.0 is neither: write a share of the training as 0\.1 or 1\.0'):
        steps_of(2000.0, 400, 'interval')
