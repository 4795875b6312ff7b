"""How attention is shared out among pairs of layers (ACDA, Neurocomputing 2022, Eq. 4), over training and runs.

    heat maps [target layer, source layer] at some steps     a row a group
    w_1_1(step)  w_1_2(step)  ...                             a row a target layer, a column a source layer

A row of weights sums to 1, so 1/m is what every pair has without attention. Pure functions on arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure, SubFigure

from .comparing import FAINT, INK, PAPER
from .curves import Curve, draw_curve
from .figure import new_figure, rgb
from .palette import default_palette

CELL = 0.62  # inches of a heat map's cell
MAP = 'viridis'


@dataclass(frozen=True)
class LayerWeights:
    """The weights of a group of runs.

    Args:
        curves: Of target layer i and source layer j at ``[i][j]``, all of the same steps.
    """

    curves: Sequence[Sequence[Curve]]

    def __post_init__(self) -> None:
        sizes = [len(row) for row in self.curves]
        if not sizes or set(sizes) != {len(sizes)}:
            raise ValueError(
                f'{len(sizes)} rows with {sizes} curves are no square: give a row a target layer, and in it a curve a '
                'source layer.'
            )
        if len({tuple(curve.steps) for row in self.curves for curve in row}) > 1:
            raise ValueError('The weights of a step belong together: give all curves the same steps.')

    @property
    def steps(self) -> np.ndarray:
        """Iterations ``[n]``."""
        return self.curves[0][0].steps

    @property
    def runs(self) -> int:
        """How many runs the group has."""
        return self.curves[0][0].runs

    @property
    def mean(self) -> np.ndarray:
        """Over the runs ``[n, m, m]``."""
        return np.array([[curve.mean for curve in row] for row in self.curves]).transpose(2, 0, 1)

    @property
    def deviation(self) -> np.ndarray:
        """Of the runs ``[n, m, m]``."""
        return np.array([[curve.deviation for curve in row] for row in self.curves]).transpose(2, 0, 1)


def cross_layer_figure(
    groups: Mapping[str, LayerWeights], layers: Sequence[str] | None = None, maps: int = 4, title: str = ''
) -> Figure:
    """Draw the picture; save it with ``figure.savefig(path, dpi=...)``.

    Args:
        groups: Name of each group of runs -> its weights, of as many layers in all.
        layers: Their names (None: 'layer 1' and so on).
        maps: Steps with a heat map, spread evenly from the first to the last that is logged.
        title: Of the picture.
    """
    counts = {name: len(weights.curves) for name, weights in groups.items()}
    if len(set(counts.values())) != 1 or maps < 1:
        raise ValueError(
            f'Groups with {counts} layers and {maps} heat maps each: give groups of as many layers, and at least one '
            'heat map.'
        )
    (m,) = set(counts.values())
    layers = [f'layer {number + 1}' for number in range(m)] if layers is None else list(layers)
    if len(layers) != m:
        raise ValueError(f'{len(layers)} names of {m} layers: give one each.')
    heights = len(groups) * (m * CELL + 0.75), m * 1.55 + 0.75
    figure = new_figure(sum(heights) + 0.5, title)
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    limits = _limits(groups.values(), m)
    _draw_maps(upper, groups, layers, maps, limits)
    _draw_curves(lower, groups, layers, limits)
    return figure


def _limits(groups: Sequence[LayerWeights], m: int) -> tuple[float, float]:
    """Return one range of values for everything: all weights with their spread, 1/m, and some air."""
    ends = [1 / m]
    for weights in groups:
        ends += [(weights.mean - weights.deviation).min(), (weights.mean + weights.deviation).max()]
    air = max(0.05 * (max(ends) - min(ends)), 0.01)
    return max(min(ends) - air, 0.0), min(max(ends) + air, 1.0)


def _draw_maps(
    figure: SubFigure,
    groups: Mapping[str, LayerWeights],
    layers: Sequence[str],
    maps: int,
    limits: tuple[float, float],
) -> None:
    axes = figure.subplots(len(groups), maps, squeeze=False)
    for row, (name, weights) in zip(axes, groups.items()):
        chosen = np.linspace(0, len(weights.steps) - 1, min(maps, len(weights.steps))).round().astype(int)
        for axis, place in zip(row, chosen):
            deviation = weights.deviation[place] if weights.runs > 1 else None
            _draw_map(axis, weights.mean[place], deviation, layers, limits)
            title = f'{name}, ' * (len(groups) > 1) + f'iteration {weights.steps[place]}'
            axis.set_title(title, fontsize=10, color=rgb(INK))
        row[0].set_ylabel('target layer', fontsize=9, color=rgb(INK))
        for axis in row[len(chosen) :]:
            axis.set_visible(False)  # fewer steps than places
    scale = ScalarMappable(cmap=MAP)
    scale.set_clim(*limits)
    bar = figure.colorbar(scale, ax=axes, fraction=0.02, pad=0.01)
    bar.ax.tick_params(labelsize=8, labelcolor=rgb(INK))
    bar.set_label('weight', fontsize=9, color=rgb(INK))


def _draw_map(
    axis: Axes, mean: np.ndarray, deviation: np.ndarray | None, layers: Sequence[str], limits: tuple[float, float]
) -> None:
    """Draw weights ``[m, m]`` as colours and as numbers."""
    axis.imshow(mean, cmap=MAP, vmin=limits[0], vmax=limits[1])
    for (i, j), value in np.ndenumerate(mean):
        text = f'{value:.2f}' + ('' if deviation is None else f'\n± {deviation[i, j]:.2f}')
        dark = value < (limits[0] + 2 * limits[1]) / 3
        axis.text(j, i, text, fontsize=8, ha='center', va='center', color=rgb(PAPER if dark else INK))
    axis.set(xticks=range(len(mean)), yticks=range(len(mean)), xticklabels=layers, yticklabels=layers)
    axis.set_xlabel('source layer', fontsize=9, color=rgb(INK))
    axis.tick_params(labelsize=8, labelcolor=rgb(INK), length=0)
    axis.spines[:].set_visible(False)


def _draw_curves(
    figure: SubFigure, groups: Mapping[str, LayerWeights], layers: Sequence[str], limits: tuple[float, float]
) -> None:
    m = len(layers)
    colors = dict(zip(groups, default_palette(len(groups))))
    axes = figure.subplots(m, m, squeeze=False, sharex=True, sharey=True)
    for (i, j), axis in np.ndenumerate(axes):
        for name, weights in groups.items():
            label = f'{name} ({weights.runs} run{"s" * (weights.runs > 1)})'
            draw_curve(axis, weights.curves[i][j], rgb(colors[name]), None, label)
        axis.axhline(1 / m, color=rgb(INK), linewidth=1, linestyle=(0, (4, 3)), label='1/m: no attention')
        axis.set_ylim(*limits)
        axis.grid(color=rgb(FAINT), alpha=0.25, linewidth=0.8)
        axis.spines[['top', 'right']].set_visible(False)
        axis.tick_params(labelsize=8, labelcolor=rgb(INK))
    for axis, layer in zip(axes[0], layers):
        axis.set_title(f'source: {layer}', fontsize=10, color=rgb(INK))
    for row, layer in zip(axes, layers):
        row[0].set_ylabel(f'target: {layer}', fontsize=9, color=rgb(INK))
    for axis in axes[-1]:
        axis.set_xlabel('iteration', fontsize=9, color=rgb(INK))
    lines, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc='outside lower center', ncols=len(labels), fontsize=9, frameon=False)
