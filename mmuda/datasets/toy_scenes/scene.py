"""A street in one-point perspective: what stands where, before anything is drawn.

Unit of length is half the road's width (about 4 m). A point on the ground has `across` (0 is the
middle of the road, ±1 its kerbs) and `near` (1 at the lower edge of the picture, towards 0 at the
horizon); everything at one `near` is scaled by it.
"""

from dataclasses import dataclass

import numpy as np

from .canvas import SCALE
from .look import Look


@dataclass(frozen=True)
class View:
    """The camera: sizes in canvas pixels."""

    width: int
    height: int
    horizon: float
    centre: float
    road: float  # half the road's width at the lower edge

    def ground(self, across: float, near: float) -> tuple[float, float]:
        """Return the pixel (x, y) of a point on the ground."""
        return (self.centre + across * near * self.road, self.horizon + near * (self.height - self.horizon))

    def size(self, length: float, near: float) -> float:
        """Return pixels of an upright or lateral length at a distance."""
        return length * near * self.road


@dataclass(frozen=True)
class Building:
    """A façade along one side, or a hedge in a gap between two; without windows `floors` is 0.

    `start` and `end` are distances, 1 / near.
    """

    kind: str  # 'wall' or 'hedge'
    side: int
    start: float
    end: float
    tall: float
    colour: tuple
    floors: int
    columns: int
    lit: float  # share of windows with light


@dataclass(frozen=True)
class Thing:
    """Anything that stands on the ground; `kind` names the brush that draws it."""

    kind: str
    across: float
    near: float
    tall: float
    colour: tuple
    seed: int


@dataclass(frozen=True)
class Scene:
    """One picture's content; things are sorted from far to near."""

    view: View
    kerb: float  # where the façades stand, in `across`
    buildings: list[Building]
    things: list[Thing]


CAR_COLOURS = (
    (0.75, 0.12, 0.12),
    (0.12, 0.24, 0.62),
    (0.88, 0.88, 0.88),
    (0.16, 0.16, 0.18),
    (0.90, 0.70, 0.12),
    (0.20, 0.50, 0.44),
)
CLOTHES = (
    (0.80, 0.20, 0.24),
    (0.20, 0.30, 0.70),
    (0.92, 0.84, 0.30),
    (0.30, 0.60, 0.36),
    (0.55, 0.30, 0.60),
    (0.90, 0.50, 0.20),
)


def draw_scene(rng: np.random.Generator, width: int, height: int, look: Look) -> Scene:
    """Draw a random street for a final picture of width × height."""
    width, height = width * SCALE, height * SCALE
    view = View(
        width,
        height,
        horizon=height * rng.uniform(0.40, 0.50),
        centre=width * rng.uniform(0.38, 0.62),
        road=width * rng.uniform(0.36, 0.48),
    )
    kerb = 1 + rng.uniform(0.5, 0.9)
    buildings = [b for side in (-1, 1) for b in _facades(rng, side, look)]
    things = _trees(rng, kerb, look) + _poles(rng, look) + _pedestrians(rng, kerb, look) + _cars(rng, look)
    return Scene(view, kerb, buildings, sorted(things, key=lambda thing: thing.near))


def _facades(rng: np.random.Generator, side: int, look: Look) -> list[Building]:
    """Return one side of the street, from far to near, with a hedge now and then."""
    row, distance = [], 0.55
    while distance < 9:
        end = distance + rng.uniform(0.5, 1.3) * max(distance, 1) ** 0.7
        if rng.random() < 0.18:
            row.append(
                Building(
                    'hedge',
                    side,
                    distance,
                    end,
                    rng.uniform(0.85, 1.1),
                    _pick(rng, look.foliage, 0.04),
                    floors=0,
                    columns=0,
                    lit=0,
                )
            )
        else:
            tall = rng.uniform(1.6, 4.2)
            row.append(
                Building(
                    'wall',
                    side,
                    distance,
                    end,
                    tall,
                    _pick(rng, look.facades, 0.06),
                    floors=max(2, round(tall * 1.3)),
                    columns=int(rng.integers(3, 6)),
                    lit=look.lamp * rng.uniform(0.1, 0.6),
                )
            )
        distance = end
    return row[::-1]


def _trees(rng: np.random.Generator, kerb: float, look: Look) -> list[Thing]:
    return [
        Thing(
            'tree',
            _side(rng) * rng.uniform(1.15, kerb),
            _near(rng, 0.16, 0.85),
            rng.uniform(1.1, 1.9),
            _pick(rng, look.foliage, 0.04),
            _seed(rng),
        )
        for _ in range(rng.poisson(look.trees))
    ]


def _poles(rng: np.random.Generator, look: Look) -> list[Thing]:
    kinds = ('lamp', 'sign', 'lamp')
    return [
        Thing(
            kinds[rng.integers(3)],
            _side(rng) * rng.uniform(1.04, 1.14),
            _near(rng, 0.25, 1.0),
            rng.uniform(1.0, 1.5),
            (0.46, 0.46, 0.48),
            _seed(rng),
        )
        for _ in range(rng.poisson(look.poles))
    ]


def _pedestrians(rng: np.random.Generator, kerb: float, look: Look) -> list[Thing]:
    things = []
    for _ in range(rng.poisson(look.pedestrians)):
        crossing = rng.random() < 0.15
        across = rng.uniform(-0.9, 0.9) if crossing else _side(rng) * rng.uniform(1.1, kerb)
        things.append(
            Thing(
                'pedestrian',
                across,
                _near(rng, 0.28, 0.95),
                rng.uniform(0.55, 0.75),
                _pick(rng, CLOTHES, 0.05),
                _seed(rng),
            )
        )
    return things


def _cars(rng: np.random.Generator, look: Look) -> list[Thing]:
    """Draw driving cars, which keep to the right, and parked ones, which stand at the kerb."""
    things = []
    for _ in range(rng.poisson(look.cars)):
        side = _side(rng)
        across = side * (rng.uniform(0.78, 0.9) if rng.random() < 0.4 else rng.uniform(0.35, 0.5))
        kind = 'car_rear' if side > 0 else 'car_front'
        things.append(
            Thing(
                kind, across, _near(rng, 0.18, 0.85), rng.uniform(0.36, 0.48), _pick(rng, CAR_COLOURS, 0.05), _seed(rng)
            )
        )
    return things


def _near(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly in `near`, which crowds the front; uniform distances would crowd the horizon."""
    return float(low * (high / low) ** rng.random())


def _side(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))


def _pick(rng: np.random.Generator, colours: tuple, spread: float) -> tuple:
    colour = np.asarray(colours[rng.integers(len(colours))]) + rng.normal(0, spread, 3)
    return tuple(np.clip(colour, 0, 1).tolist())
