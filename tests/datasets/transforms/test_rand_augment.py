"""FixMatch's operations, each against values found by hand, and how they are drawn."""

import random

import numpy as np
import pytest

from mmuda.datasets import DataError, RandAugmentFixMatch
from mmuda.datasets.transforms import rand_augment
from mmuda.datasets.transforms.rand_augment import OPERATIONS, from_pil, to_pil

RAMP = np.array([[0, 40, 80, 120], [0, 40, 80, 120], [200, 210, 220, 230], [200, 210, 220, 230]], np.uint8)


def apply(name, image, magnitude):
    return from_pil(OPERATIONS[name][2](to_pil(image, None), magnitude))


def test_the_ranges_are_fixmatchs():
    weak = dict.fromkeys(('brightness', 'color', 'contrast', 'sharpness'), (0.05, 0.95))
    moved = dict.fromkeys(('shear_x', 'shear_y', 'translate_x', 'translate_y'), (-0.3, 0.3))
    rest = dict(posterize=(4, 8), rotate=(-30, 30), solarize=(0, 256), auto_contrast=(0, 1), equalize=(0, 1))
    expected = weak | moved | rest | dict(identity=(0, 1))
    assert {name: (low, high) for name, (low, high, _) in OPERATIONS.items()} == expected


@pytest.mark.parametrize(
    'name, magnitude, expected',
    [
        ('identity', 0.3, RAMP),
        ('brightness', 0.5, RAMP // 2),
        ('posterize', 4.9, RAMP & 0xF0),
        ('posterize', 8, RAMP),
        ('solarize', 128, np.where(RAMP < 128, RAMP, 255 - RAMP)),
        ('auto_contrast', 0, RAMP.astype(int) * 255 // 230),
        ('translate_x', 0.25, np.pad(RAMP, ((0, 0), (0, 1)))[:, 1:]),
        ('translate_x', -0.25, np.pad(RAMP, ((0, 0), (1, 0)))[:, :-1]),
        ('translate_y', 0.25, np.pad(RAMP, ((0, 1), (0, 0)))[1:]),
        ('rotate', 90, np.rot90(RAMP)),
        ('color', 0.1, RAMP),
    ],
)
def test_grey_values_by_hand(name, magnitude, expected):
    assert apply(name, RAMP, magnitude).tolist() == np.asarray(expected, int).tolist()


def test_a_shear_moves_a_row_by_its_height():
    """Row y shows pixel x + m·(y + ½): with m = 0.4 the rows move by 0, 1, 1 and 1 pixels."""
    image = np.tile(np.array([10, 20, 30, 40], np.uint8), (4, 1))
    expected = [[10, 20, 30, 40], [20, 30, 40, 0], [20, 30, 40, 0], [20, 30, 40, 0]]
    assert apply('shear_x', image, 0.4).tolist() == expected
    assert apply('shear_y', image.T.copy(), 0.4).T.tolist() == expected


def test_contrast_and_sharpness_lean_to_a_mean():
    mean = round(RAMP.mean())
    assert np.abs(apply('contrast', RAMP, 0.3) - (mean + 0.3 * (RAMP - float(mean)))).max() <= 1
    spot = np.zeros((5, 5), np.uint8)
    spot[2, 2] = 130
    assert apply('sharpness', spot, 0.0)[1:4, 1:4].tolist() == [[10, 10, 10], [10, 50, 10], [10, 10, 10]]  # 1 : 5


def test_equalize_spreads_the_histogram():
    image = np.repeat(np.array([10, 20], np.uint8), 512).reshape(32, 32)
    assert np.unique(apply('equalize', image, 0)).tolist() == [0, 255]


def test_colours_are_read_as_bgr():
    """Blue counts 114 / 1000 in a grey value, red 299 / 1000."""
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0], image[1, 1] = (255, 0, 0), (0, 0, 255)
    grey = apply('color', image, 0.0)
    assert (grey[0, 0].tolist(), grey[1, 1].tolist()) == ([29] * 3, [76] * 3)
    assert np.array_equal(apply('identity', image, 0), image)


def test_operations_and_strengths_are_drawn_uniformly(monkeypatch):
    drawn = []
    table = {
        name: (low, high, lambda image, m, name=name: drawn.append((name, m)) or image)
        for name, (low, high, _) in OPERATIONS.items()
    }
    monkeypatch.setattr(rand_augment, 'OPERATIONS', table)
    step = RandAugmentFixMatch(num_ops=3)
    for _ in range(1400):
        step(dict(img=RAMP))
    assert len(drawn) == 4200
    for name, (low, high, _) in OPERATIONS.items():
        strengths = np.array([m for kind, m in drawn if kind == name])
        assert 230 < len(strengths) < 370
        assert low <= strengths.min() < low + 0.05 * (high - low)
        assert high >= strengths.max() > high - 0.05 * (high - low)
        assert np.abs(np.histogram(strengths, 4, (low, high))[0] / len(strengths) - 0.25).max() < 0.12


@pytest.mark.parametrize('shape', [(28, 28), (28, 28, 3)])
def test_a_seed_decides_and_the_image_given_stays(shape):
    image = np.random.randint(0, 256, shape, np.uint8)
    before, step, results = image.copy(), RandAugmentFixMatch(), []
    for seed in (1, 1, 2):
        random.seed(seed)
        results.append(step(dict(img=image))['img'])
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])
    assert np.array_equal(image, before)
    assert (results[0].shape, results[0].dtype) == (shape, np.uint8)
    assert results[0].flags.writeable


def test_other_images_and_numbers_are_refused():
    for image in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 1), np.uint8)):
        with pytest.raises(DataError, match=r"'a\.png' is .* here, but RandAugmentFixMatch takes uint8 images"):
            RandAugmentFixMatch()(dict(img=image, img_path='a.png'))
    with pytest.raises(ValueError, match='num_ops=0'):
        RandAugmentFixMatch(0)
