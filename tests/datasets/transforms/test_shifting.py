"""Translation by enlarging and cutting, and the black square: values by hand."""

import random
from collections import Counter

import numpy as np
import pytest

from mmuda.datasets import Cutout, RandomScaleShift, RandomTranslation


def test_a_translation_is_a_part_of_the_enlarged_image(monkeypatch):
    """16 pixels become 18: a ramp keeps its slope 16 / 18, and begins at the drawn offset."""
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 10, (16, 1))
    for offset in (0, 1, 2):
        monkeypatch.setattr(random, 'uniform', lambda low, high, offset=offset: offset)
        moved = RandomTranslation(prob=1.0)(dict(img=ramp))['img']
        expected = 10 * ((np.arange(16) + offset + 0.5) / 1.125 - 0.5)
        assert np.abs(moved - expected.clip(0, 150)).max() <= 1
        assert moved.flags.c_contiguous


def test_offsets_and_their_probability():
    image = np.zeros((16, 16, 3), np.uint8)
    image[8, 8] = 255
    step, places = RandomTranslation(), Counter()
    for _ in range(2000):
        moved = step(dict(img=image))['img']
        places['same' if moved is image else tuple(np.argwhere(moved.max(-1) == moved.max())[0])] += 1
    assert 900 < places.pop('same') < 1100
    assert len(places) == 9  # each side moves by 0, 1 or 2 of the 18 pixels
    columns = Counter()
    for (_, column), count in places.items():
        columns[column] += count
    share = np.array([columns[key] for key in sorted(columns)]) / sum(columns.values())
    assert np.abs(share - [0.25, 0.5, 0.25]).max() < 0.07


def test_scale_and_shift_move_every_pixel_as_the_formula_says(monkeypatch):
    """A tent of 10 grey levels a pixel: a pixel q shows what was at (q - centre - shift) / factor + centre."""
    rows, columns = np.mgrid[:21, :31]
    tent = (250 - 10 * (abs(rows - 10) + abs(columns - 15))).clip(0).astype(np.uint8)
    for factor, across, down in ((1.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.5, 0.1, -0.1), (1.25, -0.1, 0.05)):
        numbers = iter((np.log(factor), across, down))
        monkeypatch.setattr(random, 'uniform', lambda low, high, numbers=numbers: next(numbers))
        moved = RandomScaleShift((0.5, 2.0), shift=0.1)(dict(img=tent))['img']
        there = (rows - 10 - 21 * down) / factor + 10, (columns - 15 - 31 * across) / factor + 15
        expected = (250 - 10 * (abs(there[0] - 10) + abs(there[1] - 15))).clip(0)
        outside = (there[0] < -1) | (there[0] > 21) | (there[1] < -1) | (there[1] > 31)
        smooth = (abs(there[0] - 10) > 1) & (abs(there[1] - 15) > 1) & (expected > 10)  # bilinear there
        inside = (there[0] >= 0) & (there[0] <= 20) & (there[1] >= 0) & (there[1] <= 30)
        assert np.abs(moved - expected)[smooth & inside].max() <= 1
        assert (moved[outside] == 0).all()


def test_halving_is_as_likely_as_doubling_and_shapes_stay():
    random.seed(0)
    step, sides = RandomScaleShift((0.5, 2.0), shift=0.0), []
    square = np.zeros((64, 64, 3), np.uint8)
    square[24:40, 24:40] = 255
    for _ in range(600):
        moved = step(dict(img=square))['img']
        assert (moved.shape, moved.dtype) == (square.shape, np.uint8)
        sides.append(np.sqrt((moved[..., 0] / 255).sum()) / 16)
    assert abs(np.log2(sides).mean()) < 0.08
    assert 0.48 < min(sides) < 0.55
    assert 1.9 < max(sides) < 2.05
    assert step(dict(img=square[..., :1]))['img'].shape == (64, 64, 1)
    assert step(dict(img=square[..., 0]))['img'].shape == (64, 64)


def test_a_square_is_black_and_cut_off_at_the_border(monkeypatch):
    image = np.full((20, 24, 3), 9, np.uint8)
    for centre, rows, columns in [
        ((10, 12), (8, 12), (10, 14)),
        ((0, 23), (0, 2), (21, 24)),
        ((19, 1), (17, 20), (0, 3)),
    ]:
        places = iter(centre)
        monkeypatch.setattr(random, 'randrange', lambda size, places=places: next(places))
        expected = image.copy()
        expected[slice(*rows), slice(*columns)] = 0
        assert np.array_equal(Cutout(4)(dict(img=image))['img'], expected)
    assert image.min() == 9


def test_centres_are_uniform_and_a_seed_decides():
    image, step, centres = np.ones((8, 8), np.uint8), Cutout(2), Counter()
    for _ in range(1600):
        hole = np.argwhere(step(dict(img=image))['img'] == 0)
        assert len(hole) in (1, 2, 4)
        centres[tuple(hole.max(0))] += 1
    assert len(centres) == 64
    random.seed(3)
    first = step(dict(img=image))['img']
    random.seed(3)
    assert np.array_equal(first, step(dict(img=image))['img'])


def test_bad_numbers_are_named():
    for options in (dict(scale=0.9), dict(prob=1.1), dict(prob=-0.1)):
        with pytest.raises(ValueError, match='RandomTranslation has scale='):
            RandomTranslation(**options)
    for options in (dict(scale=(0, 1)), dict(scale=(1.4, 0.7)), dict(shift=1), dict(shift=-0.1)):
        with pytest.raises(ValueError, match='RandomScaleShift has scale='):
            RandomScaleShift(**options)
    with pytest.raises(ValueError, match='length=0'):
        Cutout(0)
