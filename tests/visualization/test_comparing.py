"""The picture that compares label maps."""

import numpy as np
import pytest

from mmuda.visualization import Layout, comparison

PALETTE = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
CLASSES = ['a', 'b', 'c']
LAYOUT = Layout(cell_width=20, gap=3, margin=5, text=10)


def picture(columns, images=2, **options):
    images = [np.full((10, 20, 3), 77, np.uint8)] * images
    return comparison(images, columns, CLASSES, PALETTE, layout=LAYOUT, **options)


def has_color(pixels, color):
    return bool((pixels == np.array(color)).all(-1).any())


def test_cells_stand_where_the_layout_says():
    truth, guess = np.zeros((10, 20), int), np.ones((10, 20), int)
    out = picture({'truth': [truth] * 2, 'guess': [guess] * 2})
    assert out.shape[1] == 2 * 5 + 3 * 20 + 2 * 3
    top = 5 + 17  # margin, titles
    for row in (top, top + 10 + 3):
        assert (out[row : row + 10, 5:25] == 77).all()
        assert (out[row : row + 10, 28:48] == PALETTE[0]).all()
        assert (out[row : row + 10, 51:71] == PALETTE[1]).all()


def test_legend_shows_only_what_occurs():
    out = picture({'truth': [np.zeros((10, 20), int)] * 2})
    below = out[5 + 17 + 2 * 13 :]
    assert has_color(below, PALETTE[0])
    assert not has_color(below, PALETTE[1])


def test_notes_take_room_below_the_titles():
    labels = {'truth': [np.zeros((10, 20), int)] * 2}
    assert picture(labels, notes={'truth': 'mIoU 50'}).shape[0] == picture(labels).shape[0] + 12


def test_pictures_of_any_size_fill_their_cell():
    out = picture({'truth': [np.full((40, 80), 2), np.full((5, 10), 2)]})
    assert (out[22:32, 28:48] == PALETTE[2]).all()
    assert (out[35:45, 28:48] == PALETTE[2]).all()


def test_a_column_needs_a_label_map_for_each_image():
    with pytest.raises(ValueError, match="'truth' has 1 label maps for 2 images"):
        picture({'truth': [np.zeros((10, 20), int)]})


def test_nothing_to_compare():
    with pytest.raises(ValueError, match='at least one image'):
        picture({'truth': []}, images=0)
