"""Translation by enlarging and cutting, and the black square: values by hand."""

import random
from collections import Counter

import numpy as np
import pytest

from mmuda.datasets import Cutout, RandomTranslation


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
    with pytest.raises(ValueError, match='length=0'):
        Cutout(0)
