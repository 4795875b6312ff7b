"""What a training step sees: a row a pair of images, a column a picture, a label map or weights of pixels.

Pure functions on arrays; nothing here touches matplotlib's global state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .comparing import FAINT, INK
from .figure import WIDTH, new_figure, rgb
from .palette import Color

WEIGHTS = 'viridis'
COLUMNS = 5  # places of a row at least, so that two pictures do not fill a page


@dataclass(frozen=True)
class Panel:
    """One picture of a row.

    Args:
        title: What it shows.
        picture: uint8 ``[H, W, 3]`` RGB, or weights ``[H, W]`` from 0 on.
    """

    title: str
    picture: np.ndarray

    def __post_init__(self) -> None:
        shape = self.picture.shape
        if len(shape) != 2 and not (len(shape) == 3 and shape[2] == 3):
            raise ValueError(f"Panel '{self.title}' has a picture of shape {shape}: give [H, W, 3] or weights [H, W].")


def views_figure(rows: Sequence[Sequence[Panel]], legend: Mapping[str, Color] | None = None, title: str = '') -> Figure:
    """Draw the picture; save it with ``figure.savefig(path, dpi=...)``.

    Args:
        rows: Panels of each row; a shorter row leaves its last places empty.
        legend: Names of classes and their colours.
        title: Of the picture.

    Raises:
        ValueError: No panel.
    """
    if not any(rows):
        raise ValueError('There is no view to draw: give at least one row with a panel.')
    columns = max(COLUMNS, *map(len, rows))
    height, width = next(row for row in rows if row)[0].picture.shape[:2]
    cell = WIDTH / columns * min(height / width, 1.5)
    names = dict(legend or {})
    lines = -(-len(names) // 10)
    figure = new_figure(0.5 + (cell + 0.22) * len(rows) + 0.3 * lines, title)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(axes, rows):
        for axis in line:
            axis.set_axis_off()
        for axis, panel in zip(line, row):
            _draw(axis, panel)
    if names:
        patches = [Patch(facecolor=rgb(color), edgecolor=rgb(FAINT), label=name) for name, color in names.items()]
        figure.legend(handles=patches, loc='outside lower left', ncols=10, fontsize=8, frameon=False)
    return figure


def _draw(axis: Axes, panel: Panel) -> None:
    """Draw a view; labels and pixels stay sharp; weights have one scale, from 0 to 1 or to their largest."""
    if panel.picture.ndim == 2:
        top = max(1.0, float(panel.picture.max(initial=0)))
        axis.imshow(panel.picture, cmap=WEIGHTS, vmin=0, vmax=top, interpolation='nearest')
    else:
        axis.imshow(panel.picture, interpolation='nearest')
    axis.set_title(panel.title, fontsize=8, color=rgb(INK), loc='left')
