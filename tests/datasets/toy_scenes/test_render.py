"""The painter: reproducible pictures with every class, and a shift that can be turned."""

import numpy as np
import pytest

from mmuda.datasets import ToyStreets
from mmuda.datasets.toy_scenes import LOOKS, blend, render
from mmuda.datasets.toy_scenes.canvas import Canvas


def test_a_picture_is_a_function_of_its_arguments():
    arguments = dict(index=3, split='train', domain='dusk', seed=5)
    image, label = render(**arguments)
    np.random.seed(7)
    again = render(**arguments)
    assert (image == again[0]).all()
    assert (label == again[1]).all()
    for other in (dict(index=4), dict(split='val'), dict(domain='day'), dict(seed=6)):
        assert (label != render(**{**arguments, **other})[1]).any(), other


def test_shapes_and_types():
    image, label = render(0, size=(80, 48))
    assert (image.shape, image.dtype) == ((48, 80, 3), np.uint8)
    assert (label.shape, label.dtype) == ((48, 80), np.uint8)


@pytest.mark.parametrize('domain', ['day', 'dusk'])
def test_every_class_occurs_and_some_are_rare(domain):
    labels = np.stack([render(i, domain=domain)[1] for i in range(40)])
    shares = np.bincount(labels.ravel(), minlength=8) / labels.size
    assert len(shares) == len(ToyStreets.METAINFO['classes']) == 8
    assert shares.min() > 0.003
    names = dict(zip(ToyStreets.METAINFO['classes'], shares))
    assert max(names['pedestrian'], names['pole']) < 0.05 < min(names['road'], names['building'], names['sky'])


def test_dusk_is_darker_noisier_and_bluer():
    day, dusk = (np.stack([render(i, domain=domain)[0] for i in range(8)]).astype(float) for domain in ('day', 'dusk'))
    assert dusk.mean() < 0.6 * day.mean()
    assert (dusk.mean((0, 1, 2)) / day.mean((0, 1, 2))).argmax() == 2

    def noise(pictures):  # what a pixel differs from the mean of its two neighbours, in dark places
        return np.median(np.abs(pictures[:, :, 1:-1] - (pictures[:, :, 2:] + pictures[:, :, :-2]) / 2))

    assert noise(dusk) > 1.3 * noise(day)


def test_a_blend_is_between_its_ends():
    day, dusk = LOOKS['day'], LOOKS['dusk']
    assert blend(day, dusk, 0) == day
    half = blend(day, dusk, 0.5)
    assert half.noise == pytest.approx((day.noise + dusk.noise) / 2)
    assert half.facades[1][2] == pytest.approx((day.facades[1][2] + dusk.facades[1][2]) / 2)
    assert min(blend(day, dusk, 5).ambient) == 0


def test_strokes_write_all_layers():
    canvas = Canvas(8, 8)
    canvas.box(4, 4, 9, 9, (0.1, 0.2, 0.3), label=5, light=(1, 0, 0))
    assert canvas.label[6, 6] == 5
    np.testing.assert_allclose(canvas.colour[6, 6], (0.1, 0.2, 0.3), rtol=1e-6)
    canvas.box(4, 4, 9, 9, (0.5, 0.5, 0.5))
    assert canvas.label[6, 6] == 5
    assert canvas.light[6, 6].sum() == 0
    canvas.shade(6, 6, 2, 2, 0.5)
    np.testing.assert_allclose(canvas.colour[6, 6], 0.25, rtol=1e-6)
