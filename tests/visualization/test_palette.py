"""Colours of label maps."""

import numpy as np
import pytest
import torch

from mmuda.visualization import colorize, default_palette, overlay, palette_of

PALETTE = [(255, 0, 0), (0, 255, 0)]


def test_colorize_maps_each_id_and_makes_all_others_void():
    label = np.array([[0, 1], [255, -1]])
    expected = [[(255, 0, 0), (0, 255, 0)], [(9, 9, 9), (9, 9, 9)]]
    assert colorize(label, PALETTE, void=(9, 9, 9)).tolist() == np.array(expected).tolist()


def test_colorize_takes_bytes():
    assert colorize(np.array([[1, 255]], np.uint8), PALETTE).tolist() == [[[0, 255, 0], [0, 0, 0]]]


def test_overlay_mixes_linearly_and_leaves_void_alone():
    image = np.full((1, 2, 3), 100, np.uint8)
    mixed = overlay(image, np.array([[0, 255]]), PALETTE, opacity=0.25)
    assert mixed.tolist() == [[[139, 75, 75], [100, 100, 100]]]


@pytest.mark.parametrize('opacity, expected', [(0.0, (7, 7, 7)), (1.0, (255, 0, 0))])
def test_overlay_at_its_ends(opacity, expected):
    image = np.full((2, 2, 3), 7, np.uint8)
    assert (overlay(image, np.zeros((2, 2), int), PALETTE, opacity) == expected).all()


def test_overlay_refuses_another_size():
    with pytest.raises(ValueError, match=r'\(2, 2\) pixels and the label map \(2, 3\)'):
        overlay(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), int), PALETTE)


def test_default_palette_has_distinct_colors():
    assert len(set(default_palette(40))) == 40


@pytest.mark.parametrize('kind', [list, tuple, np.array, torch.tensor])
def test_colours_of_a_data_set_come_as_lists_arrays_or_tensors(kind):
    assert palette_of(dict(palette=kind([[255, 0, 0], [0, 255, 0]])), 2) == PALETTE


@pytest.mark.parametrize('meta', [None, {}, dict(palette=None), dict(palette=[]), dict(palette=np.zeros((0, 3)))])
def test_a_data_set_without_colours_gets_some(meta):
    assert palette_of(meta, 3) == default_palette(3)
