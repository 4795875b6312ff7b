"""The matrix in % of each true class, drawn."""

import numpy as np
import pytest

from mmuda.visualization import confusion_figure
from mmuda.visualization.confusion import NUMBERED


def test_shares_of_true_classes():
    figure = confusion_figure(np.array([[3, 1], [0, 0]]), ['road', 'sky'], 'student')
    axis = figure.axes[0]
    np.testing.assert_array_equal(axis.images[0].get_array(), [[75, 25], [np.nan, np.nan]])
    assert [text.get_text() for text in axis.texts] == ['75.0', '25.0']
    assert [text.get_text() for text in axis.get_yticklabels()] == ['road', 'sky']


def test_many_classes_go_without_numbers():
    count = NUMBERED + 1
    assert not confusion_figure(np.eye(count), [str(i) for i in range(count)]).axes[0].texts


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r'Counts of shape \(2, 2\) do not fit 3 classes'):
        confusion_figure(np.eye(2), ['a', 'b', 'c'])
