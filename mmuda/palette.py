"""Colours of classes that have none of their own."""

from __future__ import annotations

import colorsys

Color = tuple[int, int, int]


def default_palette(num_classes: int) -> list[Color]:
    """Make well-spread colours for a data set without a palette.

    Neighbouring ids lie a golden angle apart on the colour circle, with alternating brightness.
    """
    hues = [(number * 0.61803398875) % 1 for number in range(num_classes)]
    values = [(0.95, 0.7, 0.5)[number % 3] for number in range(num_classes)]
    colors = [colorsys.hsv_to_rgb(hue, 0.65, value) for hue, value in zip(hues, values)]
    return [tuple(round(255 * channel) for channel in color) for color in colors]
