"""Points of two domains, drawn by domain and by class."""

import numpy as np
import pytest

from mmuda.visualization import embedding_figure


def test_both_halves_show_every_point_once():
    points = np.random.default_rng(0).normal(size=(7, 2))
    figure = embedding_figure(points, 3, np.arange(7) % 2, ['mug', 'bike'], 'title')
    for axis in figure.axes:
        drawn = [dots.get_offsets() for dots in axis.collections if len(dots.get_offsets())]
        np.testing.assert_array_equal(np.concatenate(drawn), points)
    left, right = ([text.get_text() for text in axis.get_legend().get_texts()] for axis in figure.axes)
    assert (left, right) == (['source', 'target'], ['mug', 'bike'])


def test_many_classes_go_without_a_legend():
    points = np.zeros((4, 2))
    assert embedding_figure(points, 2, np.arange(4), [str(number) for number in range(32)]).axes[1].get_legend() is None


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match='4 points with 3 labels, 2 of the source: give a label each'):
        embedding_figure(np.zeros((4, 2)), 2, np.zeros(3, int), ['a'])
    with pytest.raises(ValueError, match='4 points with 4 labels, 4 of the source'):
        embedding_figure(np.zeros((4, 2)), 4, np.zeros(4, int), ['a'])
