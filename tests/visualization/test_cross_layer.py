"""Weights between layers: which cell and which curve is which, one range of values, the level without attention."""

import numpy as np
import pytest

from mmuda.visualization import Curve, LayerWeights, cross_layer_figure

STEPS = np.array([100, 200, 300])


def weights(m=2, runs=2, steps=STEPS):
    """w_ij at the n-th step is i + 0.1 j + 0.01 n, one tenth of it the deviation, scaled below 1."""

    def curve(i, j):
        mean = (i + 0.1 * j + 0.01 * np.arange(len(steps))) / m
        return Curve(steps, mean, mean / 10 if runs > 1 else 0 * mean, runs)

    return LayerWeights([[curve(i, j) for j in range(m)] for i in range(m)])


def visible(figure, kind):
    return [axis for axis in figure.axes if axis.get_visible() and getattr(axis, kind)]


def test_rows_are_target_layers_and_columns_source_layers():
    figure = cross_layer_figure(dict(a=weights()), ['low', 'high'], maps=3)
    maps, curves = visible(figure, 'images'), visible(figure, 'lines')
    for n, axis in enumerate(maps):
        np.testing.assert_allclose(axis.images[0].get_array(), weights().mean[n])
        assert axis.get_title() == f'iteration {STEPS[n]}'
        assert [label.get_text() for label in axis.get_yticklabels()] == ['low', 'high']
    assert maps[0].texts[1].get_text() == '0.05\n± 0.01'  # target layer 1, source layer 2
    assert maps[0].texts[2].get_text() == '0.50\n± 0.05'
    np.testing.assert_allclose(curves[1].lines[0].get_ydata(), weights().mean[:, 0, 1])
    np.testing.assert_allclose(curves[2].lines[0].get_ydata(), weights().mean[:, 1, 0])
    assert [axis.get_title() for axis in curves] == ['source: low', 'source: high', '', '']
    assert [axis.get_ylabel() for axis in curves] == ['target: low', '', 'target: high', '']


def test_every_group_has_its_maps_and_a_line_in_every_pair():
    figure = cross_layer_figure(dict(a=weights(), b=weights(runs=1)), maps=2)
    titles = [axis.get_title() for axis in visible(figure, 'images')]
    assert titles == ['a, iteration 100', 'a, iteration 300', 'b, iteration 100', 'b, iteration 300']
    assert '±' not in visible(figure, 'images')[2].texts[0].get_text()  # one run has no spread
    for axis in visible(figure, 'lines'):
        assert [line.get_label() for line in axis.lines] == ['a (2 runs)', 'b (1 run)', '1/m: no attention']
        np.testing.assert_allclose(axis.lines[2].get_ydata(), 1 / 2)
        assert len(axis.collections) == 1


def test_one_range_of_values_holds_everything():
    figure = cross_layer_figure(dict(a=weights(3)))
    limits = {axis.images[0].get_clim() for axis in visible(figure, 'images')}
    limits |= {axis.get_ylim() for axis in visible(figure, 'lines')}
    ((low, high),) = limits
    mean, deviation = weights(3).mean, weights(3).deviation
    assert 0 <= low <= (mean - deviation).min()
    assert (mean + deviation).max() <= high <= 1


def test_fewer_steps_than_places():
    figure = cross_layer_figure(dict(a=weights(steps=STEPS[:1]), b=weights()), maps=4)
    titles = [axis.get_title() for axis in visible(figure, 'images')]
    assert titles == ['a, iteration 100', *(f'b, iteration {step}' for step in STEPS)]


def test_what_does_not_fit():
    row = weights().curves[0]
    with pytest.raises(ValueError, match=r'2 rows with \[2, 1\] curves are no square: give a row a target layer'):
        LayerWeights([row, row[:1]])
    with pytest.raises(ValueError, match='give all curves the same steps'):
        LayerWeights([row, weights(steps=STEPS + 1).curves[0]])
    with pytest.raises(ValueError, match=r"Groups with {'a': 2, 'b': 3} layers and 4 heat maps each: give"):
        cross_layer_figure(dict(a=weights(), b=weights(3)))
    with pytest.raises(ValueError, match='1 names of 2 layers: give one each'):
        cross_layer_figure(dict(a=weights()), ['low'])
