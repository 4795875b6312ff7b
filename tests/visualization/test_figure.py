"""The empty sheet that drawn pictures begin with."""

import matplotlib.pyplot as plt

from mmuda.visualization.figure import WIDTH, new_figure, rgb


def test_a_sheet_of_its_own():
    figure = new_figure(4.0, 'title')
    assert figure.get_size_inches().tolist() == [WIDTH, 4.0]
    assert figure.get_suptitle() == 'title'
    assert plt.get_fignums() == []  # not one of pyplot's


def test_colours_between_0_and_1():
    assert rgb((0, 51, 255)) == (0, 0.2, 1)
