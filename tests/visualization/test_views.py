"""Rows of panels: pictures and weights at their places, a legend, and what cannot be drawn."""

import numpy as np
import pytest

from mmuda.visualization import Panel, views_figure
from mmuda.visualization.views import COLUMNS

IMAGE = np.full((4, 8, 3), 200, np.uint8)


def test_panels_stand_where_their_row_has_them():
    rows = [[Panel('source', IMAGE), Panel('weight', np.full((4, 8), 2.0))], [Panel('target', IMAGE)]]
    figure = views_figure(rows, {'road': (128, 64, 128)}, 'Batch 0')
    axes = np.array(figure.axes).reshape(2, COLUMNS)
    assert [[axis.get_title('left') for axis in row if axis.images] for row in axes] == [
        ['source', 'weight'],
        ['target'],
    ]
    assert [axes[0, 1].images[0].norm.vmin, axes[0, 1].images[0].norm.vmax] == [0, 2]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['road']
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), IMAGE)


def test_weights_up_to_one_have_one_scale():
    figure = views_figure([[Panel('weight', np.full((4, 8), 0.3))]])
    assert figure.axes[0].images[0].norm.vmax == 1
    assert not figure.legends


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"Panel 'x' has a picture of shape \(3, 4, 8\): give \[H, W, 3\] or weights"):
        Panel('x', np.zeros((3, 4, 8)))
    with pytest.raises(ValueError, match='There is no view to draw'):
        views_figure([[]])
