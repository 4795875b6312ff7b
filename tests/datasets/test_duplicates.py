"""Pictures that two data sets share: equal, nearly equal, in other colours; and those that only look alike."""

import cv2
import numpy as np
import pytest

from mmuda.datasets.duplicates import correlation, equal_pictures, fingerprint, near_pictures, same_scenes


def picture(seed: int, size: int = 96) -> np.ndarray:
    """Smooth shapes, as a photograph has."""
    noise = np.random.default_rng(seed).uniform(0, 255, (6, 6, 3)).astype(np.float32)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def reencoded(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)


CHANGES = {
    'equal': lambda image: image.copy(),
    'encoded again': reencoded,
    'half the size': lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    'a little brighter': lambda image: cv2.convertScaleAbs(image, alpha=0.95, beta=12),
}


@pytest.mark.parametrize('change', CHANGES)
def test_a_picture_is_found_again(change):
    first = [fingerprint(picture(seed)) for seed in range(20)]
    second = [fingerprint(CHANGES[change](picture(seed))) for seed in (7, 100, 3)]
    assert near_pictures(first, second) == [(7, 0), (3, 2)]
    assert equal_pictures(first, second) == ([(7, 0), (3, 2)] if change == 'equal' else [])


def test_other_pictures_are_not_found():
    first, second = ([fingerprint(picture(seed)) for seed in range(start, start + 60)] for start in (0, 1000))
    assert near_pictures(first, second) == equal_pictures(first, second) == []


def test_flat_pictures_are_equal_only_in_one_brightness():
    black, grey = (np.full((64, 64, 3), value, np.uint8) for value in (0, 90))
    assert near_pictures([fingerprint(black)], [fingerprint(grey)]) == []
    assert near_pictures([fingerprint(black)], [fingerprint(black + 1)]) == [(0, 0)]


def test_kinds_of_arrays():
    grey = picture(0)[..., 0]
    assert fingerprint(grey).digest == fingerprint(np.repeat(grey[..., None], 3, -1)).digest
    deep = fingerprint(grey.astype(np.uint16) * 257)
    assert correlation(deep.thumbnail, fingerprint(grey).thumbnail) > 0.99
    assert fingerprint(np.dstack([picture(0), grey])).thumbnail.shape == (16, 16)
    assert fingerprint(picture(0).astype(np.float32) / 255).thumbnail.max() <= 1


@pytest.mark.parametrize('bands', [None, 1, 2, 3, 4, 5, 13])
def test_every_layout_and_type_that_the_reader_gives(bands):
    shapes = picture(0)[..., 0] if bands is None else np.dstack([picture(seed)[..., 0] for seed in range(bands)])
    wanted = fingerprint(shapes.astype(np.float32))
    for kind in ('uint8', 'int8', 'uint16', 'int32', 'uint32', 'int64', 'float16', 'float64'):
        image = (shapes // 2 * 2).astype(kind) if kind != 'int8' else (shapes // 2).astype(kind)
        assert correlation(fingerprint(image).thumbnail, wanted.thumbnail) > 0.99
    assert fingerprint(shapes > 100).thumbnail.shape == (16, 16)


def test_scenes_in_other_colours():
    scenes = [picture(seed) for seed in range(40)]
    night = [fingerprint(255 - scene // 3) for scene in scenes]
    day = [fingerprint(scene) for scene in scenes]
    assert near_pictures(day, night) == []
    assert same_scenes(day, night)
    assert not same_scenes(day, night[1:] + night[:1])
    assert not same_scenes(day[:10], night[:10])


def test_correlation_against_numpy():
    a, b = np.random.default_rng(0).uniform(0, 255, (2, 16, 16))
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-12)
