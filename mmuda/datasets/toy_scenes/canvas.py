"""Where a scene is drawn: colour, light and class of every pixel, at twice the final size.

Colours are RGB in [0, 1]; y points down. `light` is what a thing sends out by itself and stays when
the day goes. Legend: H, W are the canvas's own size, [2h, 2w] of the final picture.
"""

from collections.abc import Sequence

import cv2
import numpy as np

Colour = Sequence[float]
Points = Sequence[Sequence[float]]

ROAD, PAVEMENT, BUILDING, SKY, TREE, CAR, PEDESTRIAN, POLE = range(8)
SCALE = 2
_SHIFT = 4  # binary digits of a pixel's fraction that OpenCV keeps


class Canvas:
    """Three layers that every stroke writes together.

    `colour` and `light` are float32 [H, W, 3], `label` is uint8 [H, W].
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width * SCALE, height * SCALE
        self.colour = np.zeros((self.height, self.width, 3), np.float32)
        self.light = np.zeros_like(self.colour)
        self.label = np.full((self.height, self.width), SKY, np.uint8)

    def polygon(self, points: Points, colour: Colour, label: int | None = None, light: Colour | None = None) -> None:
        """Fill a polygon; without a label only its colour changes (a shadow, a marking)."""
        fixed = [np.round(np.asarray(points, np.float64) * (1 << _SHIFT)).astype(np.int32)]
        cv2.fillPoly(self.colour, fixed, _rgb(colour), cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.light, fixed, _rgb(light or (0, 0, 0)), cv2.LINE_8, _SHIFT)
        if label is not None:
            cv2.fillPoly(self.label, fixed, int(label), cv2.LINE_8, _SHIFT)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: Colour,
        label: int | None = None,
        light: Colour | None = None,
    ) -> None:
        """Fill an upright rectangle."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.polygon(corners, colour, label, light)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        colour: Colour,
        label: int | None = None,
        light: Colour | None = None,
    ) -> None:
        """Fill an ellipse."""
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        self.polygon(np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1), colour, label, light)

    def shade(self, x: float, y: float, rx: float, ry: float, factor: float) -> None:
        """Darken what lies in an ellipse: a shadow on the ground."""
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.ellipse(mask, (round(x), round(y)), (max(round(rx), 1), max(round(ry), 1)), 0, 0, 360, 1, cv2.FILLED)
        self.colour[mask > 0] *= factor


def _rgb(colour: Colour) -> tuple:
    return tuple(float(value) for value in colour)
