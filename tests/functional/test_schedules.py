"""The ramp is the formula of the paper, on the step's device and without state."""

import math

import pytest
import torch

from mmuda.functional import adaptation_ramp


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
