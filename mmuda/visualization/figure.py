"""What every drawn picture begins with: a sheet with a title, colours as matplotlib wants them."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .comparing import INK, PAPER
from .palette import Color

WIDTH = 13.0  # inches


def new_figure(height: float, title: str) -> Figure:
    """Make an empty figure of ``WIDTH`` × ``height`` inches; nothing of matplotlib's global state is touched."""
    figure = Figure(figsize=(WIDTH, height), layout='constrained', facecolor=rgb(PAPER))
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=rgb(INK), fontsize=13, x=0.012, ha='left')
    return figure


def rgb(color: Color) -> tuple[float, ...]:
    """Scale channels of 0 to 255 to 0 to 1."""
    return tuple(channel / 255 for channel in color)
