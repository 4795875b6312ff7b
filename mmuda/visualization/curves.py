"""How runs converge: scores and losses over iterations, mean and spread over runs that differ in their seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .comparing import FAINT, INK
from .figure import new_figure, rgb
from .palette import default_palette

COLUMNS = 2
DOTTED = 12  # up to so many points of a curve are marked


@dataclass(frozen=True)
class Curve:
    """One quantity of a group of runs.

    Args:
        steps: Iterations `[n]`, rising.
        mean: Over the runs `[n]`.
        deviation: Of the runs `[n]`; 0 where there is one run.
        runs: How many there are.
    """

    steps: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    runs: int

    def __post_init__(self) -> None:
        if not 0 < len(self.steps) == len(self.mean) == len(self.deviation):
            raise ValueError(
                f'A curve has {len(self.steps)} steps, {len(self.mean)} means and {len(self.deviation)} deviations: '
                'give as many of each, and at least one.'
            )


def curves_figure(panels: Mapping[str, Mapping[str, Curve]], title: str = '') -> Figure:
    """Draw a panel a quantity, a line a group; save it with ``figure.savefig(path, dpi=...)``.

    Args:
        panels: quantity -> group -> its curve; a group may be absent from a panel.
        title: Of the picture.
    """
    groups = list(dict.fromkeys(group for curves in panels.values() for group in curves))
    if not groups:
        raise ValueError('There is no curve to draw: give at least one panel with a group.')
    colors = dict(zip(groups, default_palette(len(groups))))
    rows = -(-len(panels) // COLUMNS)
    figure = new_figure(0.9 + 3.7 * rows, title)
    axes = iter(figure.subplots(rows, min(COLUMNS, len(panels)), squeeze=False).flat)
    for (name, curves), axis in zip(panels.items(), axes):
        marker = 'o' if all(len(curve.steps) <= DOTTED for curve in curves.values()) else None
        for group, curve in curves.items():
            draw_curve(axis, curve, rgb(colors[group]), marker, f'{group} ({curve.runs} run{"s" * (curve.runs > 1)})')
        _finish(axis, name)
    for axis in axes:
        axis.set_visible(False)  # places without a panel
    return figure


def draw_curve(axis: Axes, curve: Curve, color: tuple[float, ...], marker: str | None, label: str) -> None:
    """Draw a line, and a band of one standard deviation where there are several runs."""
    axis.plot(curve.steps, curve.mean, color=color, linewidth=1.8, marker=marker, markersize=4, label=label)
    if curve.runs > 1:
        low, high = curve.mean - curve.deviation, curve.mean + curve.deviation
        axis.fill_between(curve.steps, low, high, color=color, alpha=0.2, linewidth=0)


def _finish(axis: Axes, name: str) -> None:
    axis.set_title(name, fontsize=11, color=rgb(INK), loc='left')
    axis.set_xlabel('iteration', fontsize=9, color=rgb(INK))
    axis.grid(color=rgb(FAINT), alpha=0.25, linewidth=0.8)
    axis.spines[['top', 'right']].set_visible(False)
    axis.tick_params(labelsize=9, labelcolor=rgb(INK))
    axis.legend(fontsize=9, frameon=False)
