"""Brushes for what stands in the street: trees, lamps, signs, pedestrians and cars."""

import numpy as np

from .canvas import CAR, PEDESTRIAN, POLE, TREE, Canvas
from .look import Look
from .scene import Thing, View

LAMP_LIGHT = (1.0, 0.86, 0.55)
HEADLIGHT = (1.0, 0.97, 0.85)
TAIL_LIGHT = (1.0, 0.10, 0.06)
SIGN_COLOURS = ((0.80, 0.10, 0.12), (0.14, 0.28, 0.72), (0.92, 0.78, 0.16))
SKIN = ((0.92, 0.76, 0.62), (0.72, 0.52, 0.38), (0.46, 0.32, 0.24))


def paint_thing(canvas: Canvas, view: View, thing: Thing, look: Look) -> None:
    """Draw one thing with the brush of its kind."""
    BRUSHES[thing.kind](canvas, view, thing, look, np.random.default_rng(thing.seed))


def _tree(canvas: Canvas, view: View, thing: Thing, look: Look, rng) -> None:
    """Paint a trunk and a crown of overlapping blobs."""
    x, y = view.ground(thing.across, thing.near)
    tall, wide = view.size(thing.tall, thing.near), view.size(0.05, thing.near)
    canvas.shade(x, y, tall * 0.25, tall * 0.05, 0.75)
    canvas.box(x - wide, y - tall * 0.6, x + wide, y, np.multiply(look.foliage[0], (1.1, 0.6, 0.6)), TREE)
    for _ in range(9):
        turn, reach = rng.uniform(0, 2 * np.pi), tall * 0.2 * np.sqrt(rng.random())
        top = y - tall * 0.72 + reach * np.sin(turn)
        tone = np.multiply(thing.colour, 0.85 + 0.45 * (y - top) / tall - 0.25)
        radius = tall * rng.uniform(0.12, 0.19)
        canvas.ellipse(x + reach * np.cos(turn), top, radius, radius, tone, TREE)


def _lamp(canvas: Canvas, view: View, thing: Thing, look: Look, rng) -> None:
    """Paint a street lamp whose arm reaches over the road."""
    x, y = view.ground(thing.across, thing.near)
    tall, wide = view.size(thing.tall, thing.near), max(view.size(0.035, thing.near), 1.2)
    arm = -np.sign(thing.across) * tall * 0.22
    canvas.box(x - wide, y - tall, x + wide, y, thing.colour, POLE)
    canvas.polygon(
        [(x, y - tall - wide), (x + arm, y - tall - wide), (x + arm, y - tall + wide), (x, y - tall + wide)],
        thing.colour,
        POLE,
    )
    light = np.multiply(LAMP_LIGHT, 1.6 * look.lamp).tolist()
    canvas.ellipse(x + arm, y - tall + wide, wide * 2.2, wide * 1.5, (0.9, 0.9, 0.85), POLE, light)


def _sign(canvas: Canvas, view: View, thing: Thing, look: Look, rng) -> None:
    """Paint a traffic sign, round or square, on a post."""
    x, y = view.ground(thing.across, thing.near)
    tall, wide = view.size(thing.tall * 0.65, thing.near), max(view.size(0.032, thing.near), 1.2)
    canvas.box(x - wide, y - tall, x + wide, y, thing.colour, POLE)
    colour, radius = SIGN_COLOURS[rng.integers(3)], max(view.size(0.14, thing.near), 2.5)
    if rng.random() < 0.5:
        canvas.ellipse(x, y - tall, radius, radius, colour, POLE)
        canvas.ellipse(x, y - tall, radius * 0.55, radius * 0.55, (0.94, 0.94, 0.94), POLE)
    else:
        canvas.box(x - radius, y - tall - radius, x + radius, y - tall + radius, colour, POLE)


def _pedestrian(canvas: Canvas, view: View, thing: Thing, look: Look, rng) -> None:
    """Paint two legs, a coat and a head."""
    x, y = view.ground(thing.across, thing.near)
    tall = view.size(thing.tall, thing.near)
    wide, step = tall * 0.17, tall * rng.uniform(0.04, 0.12)
    trousers = np.multiply((0.22, 0.24, 0.34), rng.uniform(0.7, 1.5))
    canvas.shade(x, y, wide * 1.6, wide * 0.5, 0.7)
    for side in (-1, 1):
        foot = x + side * step
        canvas.polygon(
            [
                (x - wide * 0.55, y - tall * 0.5),
                (x + wide * 0.55, y - tall * 0.5),
                (foot + wide * 0.4, y),
                (foot - wide * 0.4, y),
            ],
            trousers,
            PEDESTRIAN,
        )
    canvas.polygon(
        [
            (x - wide, y - tall * 0.42),
            (x - wide * 0.8, y - tall * 0.80),
            (x + wide * 0.8, y - tall * 0.80),
            (x + wide, y - tall * 0.42),
        ],
        thing.colour,
        PEDESTRIAN,
    )
    canvas.ellipse(x, y - tall * 0.90, tall * 0.085, tall * 0.10, SKIN[rng.integers(3)], PEDESTRIAN)


def _car_rear(canvas: Canvas, view: View, thing: Thing, look: Look, rng) -> None:
    _car(canvas, view, thing, look, TAIL_LIGHT, 0.8)


def _car_front(canvas: Canvas, view: View, thing: Thing, look: Look, rng) -> None:
    _car(canvas, view, thing, look, HEADLIGHT, 1.6)


def _car(canvas: Canvas, view: View, thing: Thing, look: Look, lamp: tuple, power: float) -> None:
    """Paint a car seen along the road: wheels, body, cabin, glass and two lights."""
    x, y = view.ground(thing.across, thing.near)
    tall = view.size(thing.tall, thing.near)
    half = tall * 0.62
    dark, colour = (0.07, 0.07, 0.08), np.asarray(thing.colour)
    canvas.shade(x, y, half * 1.15, tall * 0.10, 0.5)
    for side in (-1, 1):
        wheel = x + side * half * 0.72
        canvas.box(wheel - half * 0.16, y - tall * 0.28, wheel + half * 0.16, y, dark, CAR)
    canvas.polygon(
        [
            (x - half * 0.84, y - tall * 0.56),
            (x - half * 0.62, y - tall),
            (x + half * 0.62, y - tall),
            (x + half * 0.84, y - tall * 0.56),
        ],
        colour * 0.9,
        CAR,
    )
    canvas.polygon(
        [
            (x - half * 0.70, y - tall * 0.58),
            (x - half * 0.54, y - tall * 0.92),
            (x + half * 0.54, y - tall * 0.92),
            (x + half * 0.70, y - tall * 0.58),
        ],
        look.glass,
        CAR,
    )
    canvas.box(x - half, y - tall * 0.58, x + half, y - tall * 0.12, colour, CAR)
    canvas.box(x - half, y - tall * 0.24, x + half, y - tall * 0.12, colour * 0.6, CAR)
    light = np.multiply(lamp, power * look.lamp).tolist()
    for side in (-1, 1):
        canvas.ellipse(x + side * half * 0.74, y - tall * 0.42, half * 0.17, tall * 0.08, lamp, CAR, light)
    canvas.box(x - half * 0.28, y - tall * 0.34, x + half * 0.28, y - tall * 0.26, (0.92, 0.92, 0.88), CAR)


BRUSHES = dict(tree=_tree, lamp=_lamp, sign=_sign, pedestrian=_pedestrian, car_rear=_car_rear, car_front=_car_front)
