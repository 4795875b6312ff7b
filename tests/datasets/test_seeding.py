"""Mixing and the borrowed random generators."""

import random

import numpy as np
import pytest
import torch

from mmuda.datasets.seeding import mix64, seeded, unit_interval


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_mix64_is_splitmix64():
    # The first outputs of SplitMix64 with state 0, from its authors' reference code.
    assert mix64(0) == 0xE220A8397B1DCDAF
    assert mix64(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4


def test_neighbouring_numbers_are_unrelated():
    seeds = [mix64(7, n) for n in range(4096)]
    assert len(set(seeds)) == 4096
    bits = np.array([[seed >> k & 1 for k in range(64)] for seed in seeds])
    assert abs(bits.mean(0) - 0.5).max() < 0.05
    flips = (bits[1:] != bits[:-1]).mean()
    assert abs(flips - 0.5) < 0.01


def test_order_and_every_argument_count():
    assert len({mix64(1, 2), mix64(2, 1), mix64(1), mix64(1, 2, 0)}) == 4


def test_unit_interval_is_uniform():
    values = np.array([unit_interval(3, n) for n in range(10000)])
    assert values.min() >= 0
    assert values.max() < 1
    assert abs(np.histogram(values, 10, (0, 1))[0] - 1000).max() < 120


def test_a_seed_decides_all_generators_and_the_outer_ones_go_on():
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    undisturbed = [draw(), draw()]
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    first = draw()
    with seeded(mix64(5)):
        inner = draw()
    assert [first, draw()] == undisturbed
    with seeded(mix64(5)):
        assert draw() == inner
    with seeded(mix64(6)):
        assert all(a != b for a, b in zip(draw(), inner))


def test_states_return_after_an_error():
    before = np.random.get_state()[1].copy()
    with pytest.raises(ZeroDivisionError), seeded(1):
        draw()[0] / 0
    assert (np.random.get_state()[1] == before).all()


def test_numpy_draws_as_if_it_had_been_seeded_itself():
    np.random.seed([5, 0])
    expected = [np.random.rand(), np.random.randn(), np.random.randn(), np.random.randint(10**9)]
    generator = np.random.get_bit_generator()
    with seeded(5):
        assert [np.random.rand(), np.random.randn(), np.random.randn(), np.random.randint(10**9)] == expected
    assert np.random.get_bit_generator() is generator


def test_blocks_may_be_nested():
    with seeded(5):
        expected = [draw(), draw()]
    with seeded(5):
        first = draw()
        with seeded(6):
            draw()
        assert [first, draw()] == expected


def test_without_a_seed_nothing_is_touched():
    torch.manual_seed(2)
    expected = torch.rand(2)
    torch.manual_seed(2)
    with seeded(None):
        inside = torch.rand(())
    assert [inside.item(), torch.rand(()).item()] == expected.tolist()
