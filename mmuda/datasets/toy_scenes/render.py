"""From (seed, domain, split, index) to a picture and its label map."""

import cv2
import numpy as np

from .canvas import BUILDING, PAVEMENT, ROAD, SCALE, SKY, TREE, Canvas
from .look import LOOKS, Look
from .scene import draw_scene
from .street import paint_building, paint_ground, paint_sky, paint_skyline
from .things import paint_thing

DOMAINS = ('day', 'dusk')
SPLITS = ('train', 'val')


def render(
    index: int,
    split: str = 'train',
    domain: str = 'day',
    seed: int = 0,
    size: tuple[int, int] = (160, 96),
    look: Look | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return one scene.

    Args:
        index, split, domain, seed: all that the picture depends on, besides the look.
        size: (width, height).
        look: appearance; None is the domain's own.

    Returns:
        RGB uint8 [height, width, 3] and class ids uint8 [height, width].
    """
    look = look or LOOKS[domain]
    rng = np.random.default_rng([seed, DOMAINS.index(domain), SPLITS.index(split), index])
    canvas = Canvas(*size)
    scene = draw_scene(rng, *size, look)
    paint_sky(canvas, scene, look, rng)
    paint_skyline(canvas, scene, look, rng)
    paint_ground(canvas, scene, look)
    for building in scene.buildings:
        paint_building(canvas, scene, building, look, rng)
    _add_grain(canvas, look, rng)
    for thing in scene.things:
        paint_thing(canvas, scene.view, thing, look)
    label = np.ascontiguousarray(canvas.label[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE])
    return _expose(canvas, look, rng), label


def _add_grain(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Add a fine texture to everything that is built or grown, coarser in the dark look."""
    fine = rng.normal(0, look.grain, canvas.label.shape)
    coarse = cv2.resize(
        rng.normal(0, look.grain, (12, 20)), (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC
    )
    rough = np.isin(canvas.label, (ROAD, PAVEMENT, BUILDING, TREE))[..., None]
    canvas.colour *= 1 + rough * (fine + coarse)[..., None]


def _expose(canvas: Canvas, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Light the scene, let lamps bloom, take the picture with its noise; uint8 RGB, final size."""
    ambient = np.where((canvas.label == SKY)[..., None], 1.0, np.array(look.ambient))
    picture = canvas.colour * ambient + canvas.light
    if look.glare > 0:
        for sigma, share in ((3, 0.5), (10, 0.45)):
            picture += look.glare * share * cv2.GaussianBlur(canvas.light, (0, 0), sigma * SCALE / 2)
    size = canvas.width // SCALE, canvas.height // SCALE
    picture = cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    if look.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), look.blur)
    picture = picture.mean() + look.contrast * (picture - picture.mean())
    picture += rng.normal(0, look.noise, picture.shape)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
