"""What makes the two domains: light, colours and how much of everything stands in the street.

`LOOKS['day']` is the source, `LOOKS['dusk']` the target at full shift; `blend` gives what lies
between. A look is data; `scene` and `render` read it.
"""

from dataclasses import dataclass, fields

import numpy as np

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """One domain's appearance and statistics; colours are RGB in [0, 1]."""

    ambient: RGB  # colour of the light that everything receives
    sky_top: RGB
    sky_bottom: RGB
    cloud: RGB
    asphalt: RGB
    slab: RGB
    facades: tuple[RGB, ...]
    glass: RGB
    foliage: tuple[RGB, ...]
    lamp: float  # strength of lamps, headlights and lit windows
    glare: float  # how far their light spreads
    contrast: float
    noise: float
    blur: float  # standard deviation in pixels
    grain: float  # texture of walls, road and foliage
    cars: float  # expected number of each
    pedestrians: float
    trees: float
    poles: float


LOOKS = dict(
    day=Look(
        ambient=(1.0, 0.98, 0.94),
        sky_top=(0.36, 0.60, 0.90),
        sky_bottom=(0.80, 0.89, 0.97),
        cloud=(0.98, 0.98, 1.0),
        asphalt=(0.42, 0.42, 0.44),
        slab=(0.70, 0.66, 0.62),
        facades=((0.86, 0.72, 0.54), (0.80, 0.52, 0.42), (0.88, 0.84, 0.74), (0.66, 0.70, 0.72), (0.84, 0.78, 0.50)),
        glass=(0.38, 0.48, 0.58),
        foliage=((0.26, 0.54, 0.20), (0.36, 0.62, 0.24), (0.20, 0.46, 0.24)),
        lamp=0.0,
        glare=0.0,
        contrast=1.0,
        noise=0.012,
        blur=0.0,
        grain=0.05,
        cars=2.6,
        pedestrians=3.0,
        trees=3.2,
        poles=2.6,
    ),
    dusk=Look(
        ambient=(0.46, 0.45, 0.58),
        sky_top=(0.18, 0.22, 0.46),
        sky_bottom=(0.86, 0.54, 0.42),
        cloud=(0.42, 0.28, 0.42),
        asphalt=(0.32, 0.34, 0.42),
        slab=(0.56, 0.54, 0.58),
        facades=((0.58, 0.40, 0.36), (0.48, 0.46, 0.50), (0.66, 0.58, 0.52), (0.42, 0.46, 0.56), (0.60, 0.50, 0.44)),
        glass=(0.24, 0.28, 0.40),
        foliage=((0.24, 0.34, 0.22), (0.36, 0.36, 0.18), (0.42, 0.30, 0.18)),
        lamp=1.0,
        glare=1.0,
        contrast=0.90,
        noise=0.035,
        blur=0.4,
        grain=0.09,
        cars=3.4,
        pedestrians=2.0,
        trees=2.6,
        poles=3.0,
    ),
)


def blend(first: Look, second: Look, amount: float) -> Look:
    """Return a look between two: 0 is the first, 1 the second; beyond 1 the shift is exaggerated."""
    mixed = {}
    for item in fields(Look):
        a, b = (np.asarray(getattr(look, item.name)) for look in (first, second))
        value = np.maximum(a + amount * (b - a), 0)
        mixed[item.name] = _plain(value)
    return Look(**mixed)


def _plain(value: np.ndarray):
    """Return nested tuples of floats."""
    if value.ndim == 0:
        return float(value)
    return tuple(_plain(item) for item in value)
