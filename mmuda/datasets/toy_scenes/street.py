"""Brushes for what does not move: sky, road, pavement and façades."""

import cv2
import numpy as np

from .canvas import BUILDING, PAVEMENT, ROAD, TREE, Canvas
from .look import Look
from .scene import Building, Scene, View

WINDOW_LIGHT = (1.0, 0.80, 0.42)


def paint_sky(canvas: Canvas, scene: Scene, look: Look, rng: np.random.Generator) -> None:
    """Paint a gradient down to the horizon with soft clouds; its light does not depend on the day's."""
    rows = np.clip(np.arange(canvas.height) / scene.view.horizon, 0, 1)[:, None, None]
    sky = (1 - rows) * np.array(look.sky_top) + rows * np.array(look.sky_bottom)
    cloud = cv2.resize(
        rng.random((5, 7)).astype(np.float32), (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC
    )
    cover = np.clip((cloud - 0.55) * 2.2, 0, 0.8)[..., None]
    canvas.colour[:] = (1 - cover) * sky + cover * np.array(look.cloud)


def paint_ground(canvas: Canvas, scene: Scene, look: Look) -> None:
    """Paint pavement to both sides up to the skyline, the road with its kerbs and lane markings on it."""
    view = scene.view
    canvas.box(0, view.horizon, view.width, view.height, look.slab, PAVEMENT)
    _strip(canvas, view, -1.06, 1.06, np.multiply(look.slab, 0.72), PAVEMENT)
    _strip(canvas, view, -1, 1, look.asphalt, ROAD)
    paint = tuple(np.minimum(np.multiply(look.slab, 1.25), 1))
    near = 1.05
    while near > 0.08:
        far = near * 0.80
        canvas.polygon(
            [view.ground(-0.025, near), view.ground(0.025, near), view.ground(0.025, far), view.ground(-0.025, far)],
            paint,
        )
        near = far * 0.80
    _slabs(canvas, scene, look)


def _strip(canvas: Canvas, view: View, left: float, right: float, colour, label: int) -> None:
    canvas.polygon(
        [view.ground(left, 0.01), view.ground(right, 0.01), view.ground(right, 1.3), view.ground(left, 1.3)],
        colour,
        label,
    )


def _slabs(canvas: Canvas, scene: Scene, look: Look) -> None:
    """Paint the joints between the pavement's slabs."""
    view, joint = scene.view, tuple(np.multiply(look.slab, 0.88))
    for near in 0.94 ** np.arange(40):
        for side in (-1, 1):
            canvas.polygon(
                [
                    view.ground(side * 1.06, near),
                    view.ground(side * 4, near),
                    view.ground(side * 4, near * 0.988),
                    view.ground(side * 1.06, near * 0.988),
                ],
                joint,
            )


def paint_skyline(canvas: Canvas, scene: Scene, look: Look, rng: np.random.Generator) -> None:
    """Paint low blocks and tree tops along the horizon, which close the view."""
    view, x = scene.view, -10.0
    while x < view.width:
        wide, tall = rng.uniform(0.03, 0.09) * view.width, rng.uniform(0.02, 0.10) * view.height
        if rng.random() < 0.6:
            colour = np.asarray(look.facades[rng.integers(len(look.facades))]) * 0.9
            canvas.box(x, view.horizon - tall, x + wide, view.horizon + 1, colour, BUILDING)
        else:
            colour = look.foliage[rng.integers(len(look.foliage))]
            canvas.ellipse(x + wide / 2, view.horizon - tall * 0.3, wide * 0.7, tall * 0.8, colour, TREE)
        x += wide * rng.uniform(0.7, 1.1)
    canvas.label[round(view.horizon) + 2 :] = PAVEMENT
    canvas.colour[round(view.horizon) + 2 :] = look.slab


def paint_building(canvas: Canvas, scene: Scene, building: Building, look: Look, rng: np.random.Generator) -> None:
    """Paint a façade with windows in rows, or a hedge; the lower end is darker."""

    def wall(along: float, up: float) -> tuple[float, float]:
        near = 1 / (building.start + along * (building.end - building.start))
        x, y = scene.view.ground(building.side * scene.kerb, near)
        return x, y - up * scene.view.size(building.tall, near)

    def quad(left, bottom, right, top):
        return [wall(left, bottom), wall(right, bottom), wall(right, top), wall(left, top)]

    colour = np.multiply(building.colour, 0.92 if building.side > 0 else 1.0)
    label = TREE if building.kind == 'hedge' else BUILDING
    canvas.polygon(quad(0, 0, 1, 1), colour, label)
    canvas.polygon(quad(0, 0, 1, 0.05), colour * 0.7, label)
    canvas.polygon(quad(0, 0.97, 1, 1), colour * 0.8, label)
    for floor in range(building.floors):
        for column in range(building.columns):
            left, bottom = (column + 0.28) / building.columns, (floor + 0.30) / building.floors
            right, top = left + 0.46 / building.columns, bottom + 0.48 / building.floors
            light = None
            if rng.random() < building.lit:
                light = np.multiply(WINDOW_LIGHT, look.lamp * rng.uniform(0.4, 0.8)).tolist()
            canvas.polygon(quad(left, bottom, right, top), look.glass, BUILDING, light)
