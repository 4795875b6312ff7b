"""Features of two domains as points in a plane: coloured by domain, and by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .attention import SOURCE, TARGET
from .comparing import INK
from .figure import new_figure, rgb
from .palette import default_palette

MARKERS = ('o', 'x')  # of the source and of the target
LISTED = 31  # more classes than this go without a legend


def embedding_figure(
    points: np.ndarray, num_source: int, labels: np.ndarray, classes: Sequence[str], title: str = ''
) -> Figure:
    """Draw the picture; save it with ``figure.savefig(path, dpi=...)``.

    Args:
        points: ``[N, 2]``, those of the source first.
        num_source: How many points are the source's.
        labels: ``[N]`` class numbers.
        classes: Their names.
        title: Of the picture.
    """
    if not 0 < num_source < len(points) == len(labels):
        raise ValueError(
            f'{len(points)} points with {len(labels)} labels, {num_source} of the source: give a label each, '
            'and points of both domains.'
        )
    figure = new_figure(6.4, title)
    left, right = figure.subplots(1, 2)
    parts = (slice(num_source), slice(num_source, None))
    for part, name, color, marker in zip(parts, ('source', 'target'), (SOURCE, TARGET), MARKERS):
        _dots(left, points[part], [rgb(color)], marker, name)
    palette = np.array([rgb(color) for color in default_palette(len(classes))])
    for part, marker in zip(parts, MARKERS):
        _dots(right, points[part], palette[labels[part]], marker)
    _finish(left, 'domains')
    _finish(right, 'classes (o source, × target)')
    left.legend(loc='upper right', fontsize=9, markerscale=2, framealpha=0.9)
    if len(classes) <= LISTED:
        for name, color in zip(classes, palette):
            right.scatter([], [], color=color, s=24, label=name)
        right.legend(loc='center left', bbox_to_anchor=(1, 0.5), fontsize=9, frameon=False)
    return figure


def _dots(axis: Axes, points: np.ndarray, colors: Sequence, marker: str, name: str | None = None) -> None:
    axis.scatter(*points.T, c=colors, marker=marker, s=11, linewidths=0.7, alpha=0.75, label=name)


def _finish(axis: Axes, title: str) -> None:
    axis.set_title(title, fontsize=11, color=rgb(INK), loc='left')
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
