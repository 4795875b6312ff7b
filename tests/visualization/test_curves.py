"""Curves of groups of runs: a panel a quantity, a line a group."""

import numpy as np
import pytest

from mmuda.visualization import Curve, curves_figure


def curve(steps=3, runs=2):
    values = np.linspace(1, 2, steps)
    return Curve(np.arange(steps), values, values / 10, runs)


def test_panels_lines_and_bands():
    figure = curves_figure({'accuracy': dict(a=curve(runs=1), b=curve()), 'loss': dict(b=curve(40))}, 'title')
    first, second = figure.axes
    assert (first.get_title('left'), second.get_title('left')) == ('accuracy', 'loss')
    assert [text.get_text() for text in first.get_legend().get_texts()] == ['a (1 run)', 'b (2 runs)']
    assert len(first.collections) == 1  # one run has no band
    low, high = np.sort(first.collections[0].get_paths()[0].vertices[:, 1])[[0, -1]]
    np.testing.assert_allclose([low, high], [0.9, 2.2])
    assert first.lines[1].get_color() == second.lines[0].get_color() != first.lines[0].get_color()
    assert (first.lines[0].get_marker(), second.lines[0].get_marker()) == ('o', 'None')


def test_an_odd_number_of_panels_leaves_a_place_empty():
    figure = curves_figure({name: dict(a=curve()) for name in 'xyz'})
    assert [axis.get_visible() for axis in figure.axes] == [True, True, True, False]
    assert len(curves_figure({'x': dict(a=curve())}).axes) == 1


def test_what_is_no_curve():
    with pytest.raises(ValueError, match='has 2 steps, 3 means and 2 deviations: give as many of each'):
        Curve(np.arange(2), np.ones(3), np.ones(2), 1)
    with pytest.raises(ValueError, match='no curve to draw: give at least one panel with a group'):
        curves_figure({'x': {}})
